/**
 * Goal: no key, derived secret or plaintext is anywhere but where it belongs.
 * Method: two peers take the whole walk over a suite that notes every secret it sees; then the
 * log, every answer, and every file of both folders are searched for each of them, as bytes, hex
 * and base64.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { request } from 'undici';
import { loadConfig } from '../../src/config.ts';
import { createPeer, type RunningPeer } from '../../src/peer.ts';
import { until } from '../support/peer-process.ts';
import { recordingCrypto, type Secret } from '../support/recording-crypto.ts';

const PASSPHRASE = 'the passphrase of this test';
const TEXT = 'Meet me at the old mill at nine.';
const FILE = {
  name: 'plan-of-the-mill.txt',
  content: 'First the door, and then the wheel. '.repeat(400),
};
const LETTER = 'Carried by hand, across the river.';

/** A place to search, and what was found there. */
interface Place {
  readonly name: string;
  readonly content: Buffer;
}

class Walker {
  readonly places: Place[] = [];
  readonly #peer: RunningPeer;
  readonly token: string;

  constructor(peer: RunningPeer) {
    this.#peer = peer;
    this.token = new URL(peer.pageLink).searchParams.get('token') ?? '';
  }

  /** Calls as the operator without the token, as a demonstration lets; keeps the answer. */
  async call(method: 'GET' | 'POST', path: string, body?: object | string): Promise<Buffer> {
    const raw = typeof body !== 'object' || body instanceof Uint8Array;
    const response = await request(`${this.#peer.origin}${path}`, {
      method,
      headers: { 'content-type': raw ? 'application/octet-stream' : 'application/json' },
      body: raw ? (body ?? null) : JSON.stringify(body),
    });
    const content = Buffer.from(await response.body.bytes());
    const headers = Buffer.from(JSON.stringify(response.headers));
    this.places.push({
      name: `${this.#peer.name} ${method} ${path} ${response.statusCode}`,
      content: Buffer.concat([headers, content]),
    });
    return content;
  }

  async unopened(): Promise<number> {
    const { contacts } = JSON.parse((await this.call('GET', '/show')).toString());
    return contacts[0].unopened;
  }
}

async function start(t: Test, name: string, folder: string, other: string, port = 0) {
  const { provider, secrets } = recordingCrypto();
  const args = ['--demo', '--port', `${port}`, '--name', name, '--data-dir', folder];
  const config = loadConfig([...args, ...(other === '' ? [] : ['--contact', other])], {
    SOTTO_PASSPHRASE: PASSPHRASE,
  });
  const log: string[] = [];
  const terminal: string[] = [];
  const note = (event: string, fields = {}) => void log.push(event, JSON.stringify(fields));
  const print = (line: string) => void terminal.push(line);
  const peer = createPeer(config, {
    crypto: provider,
    log: { info: note, warn: note },
    terminal: { print, printMessage: print },
  });
  t.teardown(() => peer.stop());
  const running = await peer.start();
  return { peer, running, secrets, log, terminal, walker: new Walker(running) };
}

function filesOf(folder: string): Place[] {
  return readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return { name: path, content: readFileSync(path) };
  });
}

/** How a secret may look where it should not be. */
function forms({ bytes }: Secret): (Buffer | string)[] {
  const raw = Buffer.from(bytes);
  const texts = [raw.toString('hex'), raw.toString('base64url'), raw.toString('base64')];
  return [raw, ...texts, raw.toString('hex').toUpperCase()];
}

function finds(places: readonly Place[], secrets: readonly Secret[]): string[] {
  const isZero = ({ bytes }: Secret) => bytes.every((byte) => byte === 0);
  const searched = secrets.filter((secret) => secret.bytes.length >= 16 && !isZero(secret));
  return places.flatMap(({ name, content }) =>
    searched
      .filter((secret) => forms(secret).some((form) => content.includes(form)))
      .map(({ what }) => `${what} in ${name}`),
  );
}

t.test('after the whole walk, no secret is where it should not be', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-secrets-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const folders = [join(folder, 'alice'), join(folder, 'bob')] as const;
  const bob = await start(t, 'bob', folders[1], '');
  const alice = await start(t, 'alice', folders[0], `bob=${bob.running.origin}`);
  await walk(t, alice.walker, bob.walker);
  t.match(bob.terminal.join('\n'), TEXT, 'the walk did happen');

  const answers = [...alice.walker.places, ...bob.walker.places];
  const logs = [alice, bob].map(({ log }) => ({
    name: 'log',
    content: Buffer.from(log.join('\n')),
  }));
  const open = folders.flatMap(filesOf);
  await Promise.all([alice.peer.stop(), bob.peer.stop()]);
  const files = [...open, ...folders.flatMap(filesOf)];
  const text = (what: string, value: string): Secret => ({ what, bytes: Buffer.from(value) });
  const plain = [
    text('the text', TEXT),
    text('the file', FILE.content.slice(0, 36)),
    text('the file name', FILE.name),
    text('the letter', LETTER),
    text('the passphrase', PASSPHRASE),
  ];
  const tokens = [text('token', alice.walker.token), text('token', bob.walker.token)];
  const secrets = [...alice.secrets, ...bob.secrets];
  t.ok(secrets.length > 50, `${secrets.length} secrets were noted`);
  t.ok(
    files.some(({ name }) => name.endsWith('-wal')),
    'the WAL is among the files',
  );

  t.strictSame(finds([...answers, ...logs], [...secrets, ...plain, ...tokens]), []);
  t.strictSame(finds(files, [...secrets, ...plain]), []);
  const names = [text('a contact', 'http://127.0.0.1'), text('a key', bob.running.fingerprint)];
  const database = files.filter(({ name }) => /peer\.db/.test(name));
  t.strictSame(finds(database, names), [], 'the database tells no names');
  t.ok(finds([{ name: 'x', content: Buffer.from(TEXT) }], plain).length === 1, 'search finds');
});

async function walk(t: Test, alice: Walker, bob: Walker): Promise<void> {
  await alice.call('POST', '/send_msg', { text: TEXT });
  await bob.call('POST', '/decrypt_msg');
  await alice.call('POST', '/send_keys');
  await bob.call('POST', '/send_keys');
  await alice.call('GET', '/show');
  await alice.call('POST', '/send_msg', { text: TEXT, wait: 30 });
  await alice.call('POST', `/send_msg?wait=30&name=${FILE.name}`, FILE.content);
  await until('both have arrived', async () => ((await bob.unopened()) === 2 ? true : undefined));
  const letter = await alice.call('POST', '/send_msg', { text: LETTER, carrier: 'file' });
  await bob.call('POST', '/receive', letter);
  await bob.call('POST', '/receive', letter);
  const opened = await bob.call('POST', '/decrypt_msg');
  t.equal(JSON.parse(opened.toString()).count, 3);
  await alice.call('POST', '/verify', { code: '000000' });
  await alice.call('POST', '/send_keys', TEXT);
  await alice.call('POST', '/send_keys', `{"text": "${TEXT}`);
  await alice.call('POST', '/send_msg', { text: TEXT, tx: 1 });
  await alice.call('POST', '/send_msg', { text: TEXT, to: 'nobody' });
  await alice.call('POST', '/receive', TEXT);
  await alice.call('POST', '/packets', TEXT);
  await alice.call('POST', '/send_keys', { to: 'bob' });
  await alice.call('GET', '/metrics');
  await bob.call('GET', '/show');
}
