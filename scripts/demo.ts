/** `npm run demo`: the whole walk, made for you; exits 0 only if every step did what it should. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { systemRandomBytes } from '../src/crypto/index.ts';
import { encodePng, phantom } from '../src/stego/coder.ts';
import {
  heedSignals,
  parsePairOptions,
  type RunningPeer,
  StartError,
  startPair,
  stopPeers,
} from './two-peers.ts';

/** A step's own words for what was expected and did not come. */
class StepError extends Error {
  override readonly name = 'StepError';
}

const TEXT = 'Meet me at the old mill at nine.';
const HIDDEN = 'Bring the second key.';
/** For what comes in a second; long, because a busy machine is not a failure. */
const SHOWN_MS = 60_000;

export async function main(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-demo-'));
  const screens = new Screens();
  const told = heedSignals();
  let peers: readonly RunningPeer[] = [];
  try {
    const pair = await startPair(
      parsePairOptions(['--data-dir', folder, ...args]),
      (name, stream, line) => stream === 'out' && screens.add(name, line),
      told,
    );
    peers = pair;
    await Promise.race([walk(...pair, screens), stopped(told)]);
    console.log('\nEvery step did what it should.');
    return 0;
  } catch (cause) {
    if (!(cause instanceof StartError || cause instanceof StepError)) throw cause;
    console.error(`\n${cause.message}`);
    return 1;
  } finally {
    await stopPeers(peers);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets a Ctrl-C end the walk, so that peers and folder go as they do at its end. */
async function stopped(told: AbortSignal): Promise<never> {
  if (!told.aborted) await once(told, 'abort');
  throw new StepError('Stopped before the end.');
}

async function walk(alice: RunningPeer, bob: RunningPeer, screens: Screens): Promise<void> {
  say('1. alice offers her keys. Nobody is there yet to answer: bob has to act.');
  expect((await post(alice, '/send_keys')).status === 202, 'alice waits for bob');

  say('2. bob offers his. Now both have the same keys, and show a code for people to compare.');
  expect((await post(bob, '/send_keys')).status === 200, 'the keys are established');
  const codes = [await screens.find('alice', CODE), await screens.find('bob', CODE)];
  expect(codes[0] === codes[1], 'both terminals show the same code');

  say(
    '3. Each says in public what it is: keys that are no secret, and how it stands with the other.',
  );
  for (const peer of [alice, bob]) {
    const { status, body } = await call('GET', peer, '/show', undefined, SHORT);
    expect(status === 200 && body.includes('"state":"paired"'), `${peer.name} is paired`);
  }

  say('4. alice sends a text. It is stored, sealed and delivered; bob keeps it closed.');
  expect((await post(alice, '/send_msg', { text: TEXT })).status === 202, 'the text is accepted');

  say('5. bob opens what has arrived: the text is on his terminal, not in the answer.');
  const opened = await untilOpened(bob);
  expect(opened.includes('"count":1'), 'one message is opened');
  expect(!opened.includes(TEXT), 'the answer does not hold the text');
  await screens.find('bob', new RegExp(TEXT));

  await walkWithPicture(alice, bob, screens);
}

async function walkWithPicture(alice: RunningPeer, bob: RunningPeer, screens: Screens) {
  say(
    '6. alice hides a text in a picture. It travels as a PNG; bob gets the picture back as it was.',
  );
  const seed = new DataView(systemRandomBytes(4).slice().buffer).getUint32(0);
  const cover = encodePng(phantom({ size: 512, depth: 8, seed }), { before: [], after: [] });
  const hidden = await sendInPicture(alice, cover);
  expect(hidden.includes('"psnr_dB"'), 'the text is hidden, with its figures');
  await untilOpened(bob);
  await screens.find('bob', new RegExp(`in a picture.*${HIDDEN}`));
  const { covers } = JSON.parse(await ownersLook(bob, '/covers'));
  expect(hidden.includes(covers[0].sha256), 'the cover that came back has the same SHA-256');
}

/** As `curl -F` sends it. */
async function sendInPicture({ origin }: RunningPeer, cover: Uint8Array): Promise<string> {
  const form = new FormData();
  form.set('text', HIDDEN);
  form.set('cover', new Blob([cover.slice()]), 'phantom.png');
  const response = await fetch(`${origin}/send_msg`, { method: 'POST', body: form });
  const body = await response.text();
  console.log(`   $ curl -F text='${HIDDEN}' -F cover=@phantom.png ${origin}/send_msg`);
  console.log(`   ${response.status} ${body}`);
  return body;
}

/** With the token: what came in a message is for its owner only. */
async function ownersLook({ origin, pageLink }: RunningPeer, path: string): Promise<string> {
  const token = new URL(pageLink).searchParams.get('token') ?? '';
  const headers = { authorization: `Bearer ${token}` };
  const body = await (await fetch(`${origin}${path}`, { headers })).text();
  console.log(`   $ curl -H "Authorization: Bearer $TOKEN" ${origin}${path}`);
  console.log(`   200 ${body}`);
  return body;
}

/** Six digits as a terminal shows them, with the key check value. */
const CODE = /\b(\d{6})\b.*\b([0-9a-f]{16})\b/;

function say(line: string): void {
  console.log(`\n${line}`);
}

function expect(kept: boolean, promise: string): void {
  if (!kept) throw new StepError(`It was expected that ${promise}; it is not so.`);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const post = (peer: RunningPeer, path: string, body?: object) => call('POST', peer, path, body);

/** Delivery takes a moment: an empty inbox is asked again. */
async function untilOpened(peer: RunningPeer): Promise<string> {
  for (let waited = 0; waited < SHOWN_MS; waited += 200) {
    const { body } = await call('GET', peer, '/show', undefined, SILENT);
    if (/"unopened":[1-9]/.test(body)) break;
    await sleep(200);
  }
  return (await post(peer, '/decrypt_msg')).body;
}

type Shown = (answer: string) => string;
const WHOLE: Shown = (answer) => answer;
const SHORT: Shown = (answer) => (answer.length < 100 ? answer : `${answer.slice(0, 97)}…`);
const SILENT: Shown = () => '';

async function call(
  method: 'GET' | 'POST',
  { origin }: RunningPeer,
  path: string,
  body: object | undefined,
  shown: Shown = WHOLE,
): Promise<Answer> {
  const json = body === undefined ? null : JSON.stringify(body);
  // As curl -d sends it.
  const headers = json === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await request(`${origin}${path}`, { method, body: json, headers });
  const answer = { status: response.statusCode, body: await response.body.text() };
  if (shown !== SILENT) {
    const data = json === null ? '' : ` -d '${json}'`;
    const verb = method === 'POST' && json === null ? ' -X POST' : '';
    console.log(`   $ curl${verb}${data} ${origin}${path}`);
    console.log(`   ${answer.status} ${shown(answer.body)}`);
  }
  return answer;
}

/** What the two terminals show. */
class Screens {
  readonly #lines: { readonly name: string; readonly line: string }[] = [];
  #changed = Promise.withResolvers<void>();

  add(name: string, line: string): void {
    console.log(`   ${name.padEnd(5)} │ ${line}`);
    this.#lines.push({ name, line });
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** What of `pattern` a line has, as soon as one has it. @throws {StepError} */
  async find(name: string, pattern: RegExp): Promise<string> {
    const late = Promise.withResolvers<never>();
    const error = new StepError(`${name}'s terminal does not show ${pattern.source}.`);
    const timer = setTimeout(() => late.reject(error), SHOWN_MS);
    try {
      for (;;) {
        const lines = this.#lines.filter((each) => each.name === name);
        const found = lines.map(({ line }) => pattern.exec(line)?.[0]).find(Boolean);
        if (found !== undefined) return found;
        await Promise.race([this.#changed.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
