/**
 * Goal: a message travels in a picture, arrives once, and gives the cover back bit for bit, though
 * answers are lost and either side is killed; what cannot be used is refused before anything is
 * queued, and what a stranger sends does no harm.
 * Method: two real processes behind addresses that note each picture and lose answers as they are
 * told; covers of every kind that people have; hostile files at the open door.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/cli/errors.ts';
import { main } from '../../src/cli/index.ts';
import { terminal } from '../../src/cli/io.ts';
import { decodePng, encodePng, type Picture, phantom } from '../../src/stego/coder.ts';
import { pictureOf } from '../stego/support/pictures.ts';
import { chunk, SIGNATURE, uint32 } from '../stego/support/png-files.ts';
import { type Answer, PeerProcess, until } from '../support/peer-process.ts';
import { PictureWire } from '../support/picture-wire.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Side {
  readonly peer: PeerProcess;
  readonly wire: PictureWire;
}

async function startSides(t: Test): Promise<{ readonly alice: Side; readonly bob: Side }> {
  const folder = temporaryFolder(t);
  const wires = [await PictureWire.open(), await PictureWire.open()] as const;
  const side = (name: string, wire: PictureWire, other: string): Side => {
    const flags = ['--address', wire.address, '--contact', other, '--log-level', 'warn'];
    return { wire, peer: new PeerProcess({ name, folder: join(folder, name), flags }) };
  };
  const alice = side('alice', wires[0], `bob=${wires[1].address}`);
  const bob = side('bob', wires[1], `alice=${wires[0].address}`);
  t.teardown(async () => {
    await Promise.all([alice, bob].map(({ peer }) => peer.stop('SIGKILL')));
    for (const wire of wires) wire.close();
  });
  await Promise.all([start(alice), start(bob)]);
  await alice.peer.post('/send_keys');
  t.equal((await bob.peer.post('/send_keys')).status, 200);
  return { alice, bob };
}

async function start({ peer, wire }: Side): Promise<void> {
  wire.target = (await peer.start()).port;
}

async function kill({ peer, wire }: Side): Promise<void> {
  wire.target = 0;
  await peer.stop('SIGKILL');
}

const TEXT = (name: string) => new TextEncoder().encode(`Comment\0the chunk of ${name}`);
const chunks = (name: string) => ({
  before: [{ type: 'tEXt', data: TEXT(name) }],
  after: [{ type: 'prVt', data: Uint8Array.of(1, 2, 3) }],
});
const pngOf = (picture: Picture, name = 'a cover') => encodePng(picture, chunks(name));
let seed = 7;
/** Never the same twice. */
const fresh = (size = 150, depth: 8 | 16 = 8) => pngOf(phantom({ size, depth, seed: seed++ }));
const photograph = (width: number, height: number, colour: 'rgb' | 'rgba' = 'rgb') =>
  pngOf(pictureOf({ width, height, depth: 8, colour, kind: 'photograph', seed: seed++ }));

async function send(
  { peer }: Side,
  fields: Readonly<Record<string, string>>,
  cover?: Uint8Array,
  file?: string,
): Promise<Answer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  if (cover !== undefined) form.set('cover', new Blob([cover.slice()]), 'holiday.png');
  if (file !== undefined) form.set('file', new Blob([file], { type: 'text/plain' }), 'plan.txt');
  const { headers, body } = new Request('http://x', { method: 'POST', body: form });
  const type = headers.get('content-type') ?? '';
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  return peer.call('POST', '/send_msg', { body: bytes, headers: { 'content-type': type } });
}

async function download({ peer }: Side, path: string): Promise<Uint8Array> {
  const headers = { authorization: `Bearer ${peer.token}` };
  const response = await fetch(`${peer.origin}${path}`, { headers });
  if (response.status !== 200) throw new Error(await response.text());
  return new Uint8Array(await response.arrayBuffer());
}

const untilArrived = (from: Side, to: string) =>
  until(`all pictures of ${from.peer.name} are acknowledged`, async () => {
    const { pictures } = await from.peer.contact(to);
    return pictures.count === 0 ? true : undefined;
  });

const { alice, bob } = await startSides(t);

t.test('text and file, and each kind of cover comes back whole', async (t) => {
  const covers: readonly [string, Uint8Array, string | undefined][] = [
    ['gray 8', fresh(), undefined],
    ['gray 16', fresh(120, 16), undefined],
    ['RGB', photograph(100, 90), 'First the door, and then the wheel. '.repeat(5)],
    ['RGBA', photograph(90, 80, 'rgba'), undefined],
  ];
  for (const [kind, cover, file] of covers) {
    const words = file === undefined ? { text: `the secret in ${kind}` } : {};
    const sent = await send(alice, { ...words, carrier: 'image', wait: '50' }, cover, file);
    t.equal(sent.status, 202, sent.text);
    t.equal(sent.json.delivered, true, `${kind} was acknowledged`);
    const { picture } = sent.json;
    t.ok(picture.psnr_dB > 50 && picture.bits_per_sample > 0, JSON.stringify(picture));
    t.equal(picture.cover, 'holiday.png');
    t.match(picture.warnings, picture.bits_per_sample > 0.02 ? [/bits a sample/] : []);
    const [message, ...others] = await bob.peer.opened();
    if (message === undefined) throw new Error(`nothing of ${kind} has arrived`);
    t.equal(others.length, 0);
    t.match(message, { id: sent.json.id, carrier: 'image', from: 'alice' });
    if (file === undefined) t.equal(message.text, `the secret in ${kind}`);
    else t.equal(Buffer.from(await download(bob, message.content)).toString(), file);
    const back = await download(bob, message.cover);
    const [restored, original] = [decodePng(back), decodePng(cover)];
    t.strictSame(restored.picture, original.picture, `samples of ${kind}`);
    t.strictSame([restored.before, restored.after], [original.before, original.after], 'chunks');
    const { covers: all } = JSON.parse(Buffer.from(await download(bob, '/covers')).toString());
    t.match(all[0], { message: message.id, sha256: picture.cover_sha256, from: 'alice' });
    t.equal(all[0].psnr_dB, picture.psnr_dB);
    const answer = await send(bob, { text: 'in the same picture' }, back);
    t.match(answer, { status: 409, json: { code: 'cover_used' } }, 'it was used, by the other');
  }
  t.equal((await fetch(`${bob.peer.origin}/covers/1`)).status, 401, 'not without the token');
  t.equal((await fetch(`${bob.peer.origin}/covers`)).status, 401);
});

t.test('a cover is used once, whatever its name and compression', async (t) => {
  const cover = fresh();
  t.equal((await send(alice, { text: 'once' }, cover)).status, 202, 'a cover implies the carrier');
  const { picture } = decodePng(cover);
  const recoded = encodePng(picture, { before: [], after: [] });
  t.notSame(recoded, cover);
  for (const again of [cover, recoded]) {
    const refused = await send(alice, { text: 'twice' }, again);
    t.match(refused, { status: 409, json: { code: 'cover_used' } });
  }
  const measured = await alice.peer.call('POST', '/pictures/capacity', { body: recoded });
  t.match(measured.json, { used: true, width: 150, warnings: [/used before/] });
  const forced = await send(alice, { text: 'forced', force: 'true', wait: '50' }, recoded);
  t.match(forced, { status: 202, json: { delivered: true } });
  t.strictSame(await bob.peer.openedTexts(), ['once', 'forced']);
});

t.test('the covers folder gives each of its pictures once', async (t) => {
  const folder = join(alice.peer.folder, 'covers');
  const post = (text: string) => alice.peer.post('/send_msg', { text, carrier: 'image' });
  const nothing = { code: 'no_cover', detail: /no unused PNG in .*covers/ };
  t.match(await post('too early'), { status: 409, json: nothing });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a-tiny.png'), pngOf(phantom({ size: 16, depth: 8, seed: 1 })));
  writeFileSync(join(folder, 'b-broken.png'), 'no picture at all');
  writeFileSync(join(folder, 'c-good.png'), fresh());
  const sent = await post('from the folder');
  t.match(sent, { status: 202, json: { picture: { cover: 'c-good.png' } } });
  t.strictSame(readdirSync(join(folder, 'used')), ['c-good.png'], 'it is moved aside');
  // As after kill -9 between the commit and the move.
  copyFileSync(join(folder, 'used', 'c-good.png'), join(folder, 'd-again.png'));
  const none = await post('nothing is left');
  t.match(none, { status: 409, json: { code: 'no_cover', detail: /a-tiny.*1 more/ } });
  t.strictSame(readdirSync(join(folder, 'used')).sort(), ['c-good.png', 'd-again.png']);
  // One that a person chose; a name cannot lead out of the folder, nor to what was used.
  writeFileSync(join(folder, 'e-chosen.png'), fresh());
  const choose = (cover_name: string) =>
    alice.peer.post('/send_msg', { text: 'in the one I chose', cover_name });
  for (const name of ['../identity.png', 'used/c-good.png', 'c-good.png']) {
    t.match(await choose(name), { status: 409, json: { code: 'no_cover' } }, name);
  }
  const chosen = await choose('e-chosen.png');
  t.match(chosen, { json: { picture: { cover: 'e-chosen.png' } } });
  const [first = 0, last] = [sent, chosen].map(({ json }) => Number(`0x${json.id.split('-')[1]}`));
  t.equal(last, first + 2, 'each request takes one number, however many covers it tries');
  t.ok(readdirSync(join(folder, 'used')).includes('e-chosen.png'), 'moved aside as well');
  await untilArrived(alice, 'bob');
  t.strictSame(await bob.peer.openedTexts(), ['from the folder', 'in the one I chose']);
});

t.test('a picture may be carried by hand, and is read once', async (t) => {
  const cover = fresh();
  const form = new FormData();
  form.set('text', 'by hand');
  form.set('cover', new Blob([cover.slice()]), 'beach.png');
  const asked = { method: 'POST', body: form, headers: { accept: 'image/png' } };
  const carried = await fetch(`${alice.peer.origin}/send_msg`, asked);
  t.equal(carried.status, 200);
  t.match(Object.fromEntries(carried.headers), {
    'content-type': 'image/png',
    'content-disposition': /filename="beach.png"/,
    'sotto-message-id': /^[0-9a-f]{16}-[0-9a-f]{16}$/,
    'sotto-psnr-db': /^\d+\.\d\d$/,
  });
  const body = new Uint8Array(await carried.arrayBuffer());
  t.notSame(decodePng(body).picture, decodePng(cover).picture);
  const received = await bob.peer.call('POST', '/receive', { body });
  t.match(received, { status: 200, json: { from: 'alice', messages: 1 } });
  const back = await download(bob, received.json.cover.content);
  t.strictSame(decodePng(back).picture, decodePng(cover).picture);
  const again = await bob.peer.call('POST', '/receive', { body });
  t.match(again, { status: 409, json: { code: 'letter_repeated' } });
  const wrong = await bob.peer.call('POST', '/receive', { body: cover });
  t.match(wrong, { status: 422, json: { code: 'picture_unreadable' } });
  const answer = await send(bob, { text: 'in what came' }, body);
  t.match(answer, { status: 409, json: { code: 'cover_used' } });
  t.strictSame(await bob.peer.openedTexts(), ['by hand']);
});

t.test('lost answers: the same picture again, and one message', async (t) => {
  bob.wire.cutsAnswers = true;
  const before = bob.wire.pictures.length;
  alice.wire.target = 0; // Nor does an acknowledgement get through.
  t.equal((await send(alice, { text: 'patience' }, fresh())).status, 202);
  await until('it was sent three times', () => bob.wire.pictures.length >= before + 3 || undefined);
  t.match(await alice.peer.contact('bob'), { pictures: { count: 1 }, last_error: /reached/ });
  bob.wire.cutsAnswers = false;
  alice.wire.target = alice.peer.port;
  await untilArrived(alice, 'bob');
  t.equal(new Set(bob.wire.pictures.slice(before)).size, 1, 'always the same bytes');
  t.strictSame(await bob.peer.openedTexts(), ['patience']);
});

t.test('killed on the way, on either side', async (t) => {
  const seen = bob.wire.pictures.length;
  t.equal((await send(alice, { text: 'bob dies' }, fresh(300))).status, 202);
  await until('bob has it', () => (bob.wire.pictures.length > seen ? true : undefined));
  await kill(bob);
  await start(bob);
  await untilArrived(alice, 'bob');
  await kill(bob);
  const queued = bob.wire.pictures.length;
  t.equal((await send(alice, { text: 'alice dies' }, fresh(300))).status, 202);
  await kill(alice);
  await start(bob);
  await start(alice);
  await untilArrived(alice, 'bob');
  await kill(alice);
  await start(alice);
  t.equal(new Set(bob.wire.pictures.slice(queued)).size, 1, 'the picture was not made anew');
  const texts = await bob.peer.openedTexts();
  t.strictSame(texts, ['bob dies', 'alice dies']);
});

t.test('refused before anything is queued', async (t) => {
  const palette = Buffer.concat([
    SIGNATURE,
    chunk('IHDR', Buffer.concat([uint32(1), uint32(1), Uint8Array.of(8, 3, 0, 0, 0)])),
    chunk('PLTE', new Uint8Array(3)),
    chunk('IDAT', deflateSync(new Uint8Array(2))),
    chunk('IEND'),
  ]);
  const good = fresh(40);
  const damaged = Uint8Array.from(good, (byte, i) => (i === 80 ? byte ^ 1 : byte));
  const before = bob.wire.pictures.length;
  const long = 'x'.repeat(4_000);
  const cases: readonly [Parameters<typeof send>[1], Uint8Array, number, string, RegExp][] = [
    [{ text: long }, good, 422, 'cover_too_small', /40 × 40 pixels holds \d+ .* pixels would/],
    [{ text: 'hi' }, palette, 422, 'cover_unusable', /palette; convert it to RGB/],
    [{ text: 'hi' }, damaged, 422, 'cover_unusable', /CRC/],
    [{ text: 'hi' }, Buffer.from('GIF89a'), 422, 'cover_unusable', /not a PNG/],
    [{ text: 'hi', carrier: 'session' }, good, 400, 'invalid_request', /"cover" goes with/],
    [{ text: 'hi', colour: 'red' }, good, 400, 'invalid_request', /colour/],
    [{}, good, 400, 'invalid_request', /either "text" or "file"/],
    [{ text: 'hi', to: 'nobody' }, good, 404, 'unknown_contact', /nobody/],
  ];
  for (const [fields, cover, status, code, detail] of cases) {
    const refused = await send(alice, fields, cover);
    t.match(refused, { status, json: { code, detail } }, code);
  }
  const { pictures, queued } = await alice.peer.contact('bob');
  t.strictSame([pictures.count, queued.messages], [0, 0]);
  t.equal(bob.wire.pictures.length, before, 'nothing was sent');
  const measured = await alice.peer.call('POST', '/pictures/capacity?size=4000', { body: good });
  t.match(measured.json, { used: false, width: 40 }, 'a refused cover is not used up');
  const side = Math.ceil(Math.sqrt(measured.json.pixels_needed));
  const larger = await send(alice, { text: long, wait: '50' }, fresh(side));
  t.match(larger, { status: 202, json: { delivered: true } }, 'the size that was named does');
  const small = fresh(64);
  const room = await alice.peer.call('POST', '/pictures/capacity', { body: small });
  const filling = (more: number) => ({ text: 'x'.repeat(room.json.bytes + more), answer: 'file' });
  t.match(await send(alice, filling(1), small), { status: 422, json: { code: 'cover_too_small' } });
  t.equal((await send(alice, filling(0), small)).status, 200, 'as many bytes as were named fit');
  await bob.peer.opened();
});

// The answer to each is the same as to a good one.
t.test('what a stranger may send does no harm', async (t) => {
  const header = (width: number, height: number) =>
    chunk('IHDR', Buffer.concat([uint32(width), uint32(height), Uint8Array.of(8, 0, 0, 0, 0)]));
  const file = (...parts: Uint8Array[]) => Buffer.concat([SIGNATURE, ...parts, chunk('IEND')]);
  const idat = (bytes: Uint8Array) => chunk('IDAT', deflateSync(bytes));
  const pictures: Readonly<Record<string, Uint8Array>> = {
    'a cover with nothing in it': fresh(),
    'no PNG at all': Buffer.from('hello'),
    nothing: new Uint8Array(),
    'short image data': file(header(100, 100), idat(new Uint8Array(50))),
    'a filter that does not exist': file(header(2, 1), idat(Uint8Array.of(9, 0, 0))),
    'dimensions that lie': file(header(60_000, 60_000), idat(new Uint8Array(10))),
    'a bomb': file(header(10, 10), idat(new Uint8Array(50_000_000))),
    'chunks out of order': file(idat(new Uint8Array(11)), header(10, 1)),
    'bytes behind its end': Buffer.concat([fresh(), Buffer.from('more')]),
  };
  const headers = { 'content-type': 'image/png' };
  const refused = async () => {
    const { json } = await bob.peer.call('GET', '/show');
    return (json.refused['malformed'] ?? 0) + (json.refused['unauthenticated'] ?? 0);
  };
  for (const [what, body] of Object.entries(pictures)) {
    const before = await refused();
    const { status, text } = await bob.peer.call('POST', '/packets', { headers, body });
    t.strictSame([status, text], [200, ''], what);
    await until(`${what} was judged`, async () => ((await refused()) > before ? true : undefined));
  }
  const large = { headers, body: new Uint8Array(33 << 20) };
  t.equal((await bob.peer.call('POST', '/packets', large)).status, 413);
  const memory = bob.peer.peakMemory() / 2 ** 20;
  t.ok(memory < 700, `bob has held at most ${Math.round(memory)} MiB`);
  const after = await send(alice, { text: 'still there', wait: '50' }, fresh());
  t.match(after, { status: 202, json: { delivered: true } });
  t.strictSame(await bob.peer.openedTexts(), ['still there']);
});

t.test('the event loop goes on while a large cover is hidden in', async (t) => {
  let isSent = false;
  const sending = send(alice, { text: 'large', wait: '50' }, fresh(1200)).finally(() => {
    isSent = true;
  });
  let shown = 0;
  for (; !isSent; shown += 1) await alice.peer.call('GET', '/show');
  t.match(await sending, { status: 202, json: { delivered: true } });
  t.ok(shown > 30, `${shown} times /show answered meanwhile`);
  t.equal((await bob.peer.opened()).length, 1);
});

t.test('the command line does the same', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  const io = terminal();
  const sotto = async ({ peer }: Side, ...args: readonly string[]) => {
    const [command = '', ...rest] = args;
    const [out, said]: [string[], string[]] = [[], []];
    const code = await main([command, '--data-dir', peer.folder, ...rest], {
      ...io,
      print: (line) => out.push(line),
      say: (line) => said.push(line),
    });
    return { code, out: out.join('\n'), said: said.join('\n') };
  };
  for (const name of ['one.png', 'two.png', 'three.png']) writeFileSync(at(name), fresh());
  writeFileSync(at('plan.txt'), 'First the door.');
  const sent = await sotto(alice, 'send', '--cover', at('one.png'), '--wait', '50', 'by command');
  t.match(sent, { code: EXIT.done, out: /^delivered for bob.*\nin one\.png: \d+\.\d\d dB, / });
  t.match(sent.said, /bits a sample: who looks/);
  const again = await sotto(alice, 'send', '--cover', at('one.png'), 'again');
  t.match(again, { code: EXIT.refused, said: /hidden in before.*cover_used/ });
  const out = ['--letter', at('out.png'), '--file', at('plan.txt')];
  const letter = await sotto(alice, 'send', '--cover', at('two.png'), ...out);
  t.match(letter, { code: EXIT.done, out: /holds the letter: \d+\.\d\d dB, 0\.\d+ bits a sample/ });
  t.match(letter.said, /bits a sample: who looks/, 'a warning goes with it as well');
  // One cover, one picture: whoever of the two has used it.
  writeFileSync(at('words'), 'correct horse');
  const hide = ['-o', at('hidden.png'), '--passphrase-file', at('words')];
  const hidden = await sotto(alice, 'hide', at('one.png'), at('plan.txt'), ...hide);
  t.match(hidden, { code: EXIT.noRoom, said: /cover_used/ });
  writeFileSync(at('four.png'), fresh());
  t.equal((await sotto(alice, 'hide', at('four.png'), at('plan.txt'), ...hide)).code, EXIT.done);
  for (const cover of ['four.png', 'hidden.png', 'out.png']) {
    const after = await sotto(alice, 'send', '--cover', at(cover), 'again');
    t.match(after, { code: EXIT.refused, said: /hidden in before.*cover_used/ }, cover);
  }
  t.equal((await sotto(alice, 'send', '--cover', at('three.png'), ...out)).code, EXIT.usage);
  const received = await sotto(bob, 'receive', at('out.png'), '--restore', at('back.png'));
  t.match(received, { code: EXIT.done, out: /1 new from alice\ncover restored and proved/ });
  const pictureIn = (name: string) => decodePng(readFileSync(at(name))).picture;
  t.strictSame(pictureIn('back.png'), pictureIn('two.png'));
  const inbox = await sotto(bob, 'inbox', '--save', at('saved'));
  t.match(inbox.out, /alice.*: by command \[in a picture; its cover: .*cover\.png\]\n.*plan\.txt/);
  const saved = readdirSync(at('saved')).filter((name) => name.endsWith('-cover.png'));
  t.equal(saved.length, 2);
  const list = (await sotto(bob, 'covers')).out;
  const [, newest] = /^(\d+) .* alice .* 150 × 150, 8 bit, \d+\.\d\d dB, SHA-256 /.exec(list) ?? [];
  await sotto(bob, 'covers', newest ?? '', '-o', at('newest.png'));
  t.strictSame(pictureIn('newest.png'), pictureIn('two.png'));
});

t.test('nothing readable was on the wire', async (t) => {
  const heard = Buffer.concat([alice.wire.heard(), bob.wire.heard()]);
  for (const plain of ['the secret in', 'First the door', 'plan.txt', 'patience', 'LETTER']) {
    t.notOk(heard.includes(plain), `"${plain}" is not on the wire`);
  }
  t.ok(heard.includes('the chunk of'), 'though the pictures were heard');
});
