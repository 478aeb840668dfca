/**
 * Goal: no key, derived secret or plaintext is anywhere but where it belongs.
 * Method: two peers, each a process of its own whose suite tells the test every secret that it
 * sees, take the whole walk with a file, letters, pictures, a renewal, a restart and every refusal.
 * Then what they answered and printed, their arguments and environment, every file of their folders,
 * every temporary file and every file that they held open are searched for each of them; and so
 * is what their databases hold for who has the passphrase: there the static key, and no other.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import t, { type Test } from 'tap';
import { equal, openssl } from '../../src/crypto/index.ts';
import { staticKeyOf } from '../../src/identity.ts';
import { encodePng, phantom } from '../../src/stego/coder.ts';
import type { DataKey } from '../../src/store/data-key.ts';
import { openDatabase } from '../../src/store/database.ts';
import { Folder } from '../../src/store/folder.ts';
import { openStore } from '../../src/store/index.ts';
import { freePort } from '../support/free-ports.ts';
import { silentLog } from '../support/http.ts';
import { type Answer, type CallOptions, PeerProcess, until } from '../support/peer-process.ts';
import type { Secret } from '../support/recording-crypto.ts';
import { SecretSearch } from '../support/secret-search.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ENTRY = fileURLToPath(new URL('../support/recording-peer.ts', import.meta.url));
const PASSPHRASE = 'the passphrase of this test';
const TEXT = 'Meet me at the old mill at nine.';
const FILE = {
  name: 'plan-of-the-mill.txt',
  content: 'First the door, and then the wheel. '.repeat(8_000),
};
const LETTER = 'Carried by hand, across the river.';
const PICTURE = 'Painted over, and yet still there.';
const CHUNK = 'what only the cover says';

/** A place to search. */
interface Place {
  readonly name: string;
  readonly content: Buffer;
}

/** A peer, and all that it has shown to anybody. */
class Walker {
  readonly answers: Place[] = [];
  readonly process: PeerProcess;
  readonly #tokens = new Set<string>();

  constructor(process: PeerProcess) {
    this.process = process;
  }

  async start(): Promise<void> {
    await this.process.start();
    this.#tokens.add(this.process.token);
  }

  /** Calls without the token, as a demonstration lets; keeps the answer. */
  async call(method: 'GET' | 'POST', path: string, options: CallOptions = {}): Promise<Answer> {
    const answer = await this.process.call(method, path, options);
    const name = `${this.process.name}: ${method} ${path}: ${answer.status}`;
    const head = Buffer.from(JSON.stringify(answer.headers));
    this.answers.push({ name, content: Buffer.concat([head, answer.bytes]) });
    return answer;
  }

  post(path: string, json?: object): Promise<Answer> {
    return this.call('POST', path, json === undefined ? {} : { json });
  }

  files(): readonly Place[] {
    return filesIn(this.process.folder);
  }

  get secrets(): readonly Secret[] {
    return this.process.told.map((told) => {
      const { what, hex } = told as { readonly what: string; readonly hex: string };
      return { what, bytes: Buffer.from(hex, 'hex') };
    });
  }

  get tokens(): readonly Secret[] {
    return [...this.#tokens].map((token) => secret('a token', token));
  }

  printed(): readonly Place[] {
    const { name, log, terminal } = this.process;
    return [
      { name: `log of ${name}`, content: Buffer.from(log.join('\n')) },
      { name: `terminal of ${name}`, content: Buffer.from(terminal.join('\n')) },
    ];
  }

  /** What other users of the machine could see of it, and what it holds open. */
  running(): readonly Place[] {
    const proc = `/proc/${this.process.pid}`;
    const seen = ['cmdline', 'environ'].map((name) => `${proc}/${name}`);
    const held = readdirSync(`${proc}/fd`).map((name) => `${proc}/fd/${name}`);
    return [...seen, ...held.filter(isFile)].map(read);
  }
}

function secret(what: string, text: string): Secret {
  return { what, bytes: Buffer.from(text) };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function read(path: string): Place {
  return { name: path, content: readFileSync(path) };
}

function filesIn(folder: string): Place[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names
    .map((name) => join(folder, name))
    .filter(isFile)
    .map(read);
}

function found(places: readonly Place[], ...secrets: (readonly Secret[])[]): string[] {
  const search = new SecretSearch(secrets.flat());
  return places.flatMap(({ name, content }) =>
    search.in(content).map((what) => `${what} in ${name}`),
  );
}

/** Every page of its database in clear: what the passphrase, stolen besides the disk, gives away. */
function decrypted({ process, secrets }: Walker): Buffer {
  const key = secrets.find(({ what }) => what === 'database key')?.bytes as DataKey;
  const database = openDatabase(new Folder(process.folder), key, openssl);
  try {
    return database.serialize();
  } finally {
    database.close();
  }
}

/** Two that know each other's address, with a passphrase and a folder for temporary files. */
async function walkers(t: Test, folder: string): Promise<readonly [Walker, Walker]> {
  const ports = [await freePort(), await freePort()] as const;
  writeFileSync(join(folder, 'words'), `${PASSPHRASE}\n`);
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  const environment = { ...process.env, TMPDIR: temporary, SQLITE_TMPDIR: temporary };
  const walker = (name: string, port: number, other: string) => {
    const words = ['--passphrase-file', join(folder, 'words')];
    const flags = ['--port', `${port}`, '--contact', other, '--log-level', 'debug', ...words];
    const own = { name, folder: join(folder, name), flags, entry: ENTRY, environment };
    const peer = new Walker(new PeerProcess(own));
    t.teardown(() => peer.process.stop('SIGKILL'));
    return peer;
  };
  const alice = walker('alice', ports[0], `bob=http://127.0.0.1:${ports[1]}`);
  const bob = walker('bob', ports[1], `alice=http://127.0.0.1:${ports[0]}`);
  await Promise.all([alice.start(), bob.start()]);
  return [alice, bob];
}

const PLAIN = [
  secret('the text', TEXT),
  secret('the file', FILE.content.slice(0, 36)),
  secret('the file name', FILE.name),
  secret('the letter', LETTER),
  secret('what is in pictures', PICTURE),
  secret('the passphrase', PASSPHRASE),
];

/** Pairing, text, file, letter and renewal; nothing is opened yet. */
async function talk(t: Test, alice: Walker, bob: Walker): Promise<void> {
  t.equal((await alice.post('/send_msg', { text: TEXT })).status, 409);
  await bob.post('/decrypt_msg');
  await alice.post('/send_keys');
  t.equal((await bob.post('/send_keys')).status, 200);
  await alice.call('GET', '/show');
  await alice.post('/send_msg', { text: TEXT, wait: 30 });
  const query = `/send_msg?wait=30&name=${FILE.name}`;
  t.equal((await alice.call('POST', query, { body: FILE.content })).status, 202);
  const letter = await alice.post('/send_msg', { text: LETTER, carrier: 'file' });
  t.equal((await bob.call('POST', '/receive', { body: letter.bytes })).status, 200);
  t.equal((await bob.call('POST', '/receive', { body: letter.bytes })).status, 409);
  await sendPictures(t, alice, bob);
  t.equal((await alice.post('/send_keys', { to: 'bob' })).status, 200);
  t.match((await alice.post('/dh-key-exchange', { to: 'bob' })).json, { state: 'established' });
  await until('all of it is there', async () =>
    (await bob.process.contact('alice')).unopened === 5 ? true : undefined,
  );
}

/** One to be delivered, one by hand, in covers of the folder. */
async function sendPictures(t: Test, alice: Walker, bob: Walker): Promise<void> {
  const covers = join(alice.process.folder, 'covers');
  mkdirSync(covers);
  for (const seed of [1, 2]) {
    const chunk = { type: 'tEXt', data: Buffer.from(`Comment\0${CHUNK}`) };
    const png = encodePng(phantom({ size: 120, depth: 8, seed }), { before: [chunk], after: [] });
    writeFileSync(join(covers, `${seed}.png`), png);
  }
  const json = { text: PICTURE, carrier: 'image' };
  t.match(await alice.post('/send_msg', { ...json, wait: 50 }), {
    status: 202,
    json: { delivered: true },
  });
  const carried = await alice.post('/send_msg', { ...json, answer: 'file' });
  t.equal((await bob.call('POST', '/receive', { body: carried.bytes })).status, 200);
  t.equal((await bob.call('POST', '/receive', { body: carried.bytes })).status, 409);
  t.equal((await bob.call('GET', '/covers')).status, 401);
}

/** Opens all, asks for what is refused, and pairs by a code. Returns the code. */
async function openAndErr(t: Test, alice: Walker, bob: Walker): Promise<Secret> {
  t.match((await bob.post('/decrypt_msg')).json, { count: 5 });
  const { json } = await alice.process.call('POST', '/pair', {
    headers: { authorization: `Bearer ${alice.process.token}` },
  });
  const [code = ''] = json.code.split('@');
  const { code: shown } = await alice.process.contact('bob');
  const refused = [
    await alice.post('/verify', { code: shown === '000000' ? '000001' : '000000' }),
    await alice.call('POST', '/send_keys', { body: TEXT }),
    await alice.call('POST', '/send_keys', { body: `{"text": "${TEXT}` }),
    await alice.post('/send_msg', { text: TEXT, tx: 1 }),
    await alice.post('/send_msg', { text: TEXT, to: 'nobody' }),
    await alice.call('POST', '/receive', { body: TEXT }),
    await alice.call('POST', '/packets', { body: TEXT }),
    await alice.call('GET', `/decrypt_msg/${bob.process.token}`),
    await bob.post('/send_keys', {
      code: code.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    }),
    await bob.call('GET', '/metrics', { headers: { authorization: `Bearer ${PASSPHRASE}` } }),
  ];
  for (const { status, text } of refused) t.ok(status >= 400, text);
  const byCode = await bob.post('/dh-key-exchange', { to: 'alice', code });
  t.match(byCode.json, { verified: true }, 'what the older program answered with a secret');
  t.match(await bob.process.contact('alice'), { verified: true });
  for (const { call } of [alice, bob].map((each) => ({ call: each.call.bind(each) }))) {
    await call('GET', '/show');
    await call('GET', '/metrics');
  }
  return secret('the pairing code', code);
}

t.test('after the whole walk, no secret is where it should not be', async (t) => {
  const folder = temporaryFolder(t);
  const [alice, bob] = await walkers(t, folder);
  const both = [alice, bob];
  await talk(t, alice, bob);
  const files = both.flatMap((each) => [...each.running(), ...each.files()]);
  t.ok(
    files.some(({ name }) => name.endsWith('-wal')),
    'the WAL is among the files',
  );
  await bob.process.stop('SIGKILL');
  await bob.start();
  const code = await openAndErr(t, alice, bob);
  files.push(...both.flatMap((each) => [...each.running(), ...each.files()]));
  for (const { process } of both) t.equal(await process.stop(), 0);
  files.push(...both.flatMap((each) => each.files()), ...filesIn(join(folder, 'temporary')));

  const secrets = both.flatMap((each) => each.secrets);
  const kinds = [...new Set(secrets.map(({ what }) => what))];
  t.ok(secrets.length > 200 && kinds.length > 10, `${secrets.length} secrets: ${kinds.join(', ')}`);
  t.match(bob.process.terminal.join('\n'), TEXT, 'the text is where it should be');
  t.match(alice.process.log.join('\n'), /"KKpsk0"/, 'there was a renewal');
  t.match(alice.process.log.join('\n'), /"level":"debug".*"msg":"exchange"/, 'and much was logged');
  t.match(bob.process.log.join('\n'), /"route":"\/packets"/, 'each request, too');

  const shown = both.flatMap((each) => [...each.answers, ...each.printed()]);
  const elsewhere = shown.filter(({ name }) => name !== 'terminal of bob');
  const unsaid = files.filter(({ name }) => !name.endsWith('/token'));
  t.strictSame(found([...shown, ...files], secrets, [code]), []);
  t.strictSame(found([...elsewhere, ...files], PLAIN), []);
  t.strictSame(found([...shown, ...unsaid], ...both.map(({ tokens }) => tokens)), []);
  for (const each of both) await assertOnlyStaticKey(t, each);
  t.ok(kinds.includes('derived for sotto-image'), 'the key of pictures is among them');
  const ofBob = files.filter(({ name }) => name.startsWith(bob.process.folder));
  t.strictSame(found(ofBob, [secret('the cover', CHUNK)]), [], 'covers are kept encrypted');
  const database = files.filter(({ name }) => /peer\.db/.test(name));
  t.strictSame(found(database, [secret('an address', 'http://127.0.0.1')]), []);
});

/** Of what is in a database: each secret that its owner had, but its static key. */
async function assertOnlyStaticKey(t: Test, walker: Walker): Promise<void> {
  const pages = decrypted(walker);
  const { name, folder } = walker.process;
  const key = { passphrase: new TextEncoder().encode(PASSPHRASE) };
  const store = await openStore({ folder, key, log: silentLog, crypto: openssl });
  const own = staticKeyOf(store.settings);
  store.close();
  t.ok(pages.includes(TEXT), 'these are the pages in clear');
  t.ok(pages.includes(Buffer.from(own)), 'and its static key is among them');
  const others = walker.secrets.filter(({ bytes }) => !equal(bytes, own));
  t.ok(others.some(({ what }) => what === 'ephemeral private key'));
  t.strictSame(found([{ name, content: pages }], others), [], 'no key of a session was ever kept');
}

t.test('the search finds a secret in every form', async (t) => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 251) % 256));
  const search = new SecretSearch([{ what: 'key', bytes: key }]);
  const forms: readonly (Buffer | string)[] = [
    key,
    key.toString('hex'),
    key.toString('hex').toUpperCase(),
    inspect(key),
    key.toString('base64'),
    key.toString('base64url'),
    Buffer.concat([Buffer.from('k='), key, key]).toString('base64'),
    JSON.stringify([...key]),
    JSON.stringify(new Uint8Array(key)),
    inspect(new Uint8Array(key)),
    [...key].join(', '),
  ];
  for (const form of forms) {
    const around = Buffer.concat([
      Buffer.from('before '),
      Buffer.from(form),
      Buffer.from(' after'),
    ]);
    t.strictSame(search.in(around), ['key'], String(form).slice(0, 30));
  }
  t.strictSame(search.in(Buffer.from(key.toString('hex').slice(1))), []);
});
