/**
 * The store with many readings, against itself with few:
 *
 *     npm run bench:store -- [READINGS…]       100000 10000000, unless said otherwise
 *
 * One board of eleven sensors that measures every ten seconds. Rows of each question are the same
 * in number whatever the store holds, but for the last: everything, by the day. Asked through
 * `/sensor` of a running peer, so with JSON and HTTP.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openssl } from '../src/crypto/index.ts';
import { unmet } from '../src/messenger/index.ts';
import { openStore } from '../src/store/index.ts';
import { silentLog } from '../test/support/http.ts';
import { PeerProcess } from '../test/support/peer-process.ts';

const SENSORS = 11;
const EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Packs in one transaction: what a full bundle brings. */
const PACKS = 200;
const CALLS = 300;
const END_MS = Date.UTC(2026, 0, 1);

const QUESTIONS = {
  'an hour of one sensor': `name=s0&from=${iso(END_MS - HOUR_MS)}`,
  'an hour of all': `from=${iso(END_MS - HOUR_MS)}`,
  'a day of all, by the hour': `from=${iso(END_MS - DAY_MS)}&every=3600`,
  'a day of one, by ten minutes': `name=s0&from=${iso(END_MS - DAY_MS)}&every=600`,
  'the newest': '',
  'everything, by the day': `from=1990-01-01&every=86400`,
} as const;
type Question = keyof typeof QUESTIONS;

interface Measured {
  readonly readings: number;
  readonly inserts: number;
  readonly bytes: number;
  readonly start_ms: number;
  readonly p99_ms: Readonly<Record<Question, number>>;
}

const wanted = process.argv.slice(2).map(Number);
const sizes = wanted.length > 0 ? wanted : [100_000, 10_000_000];
const measured: Measured[] = [];
for (const size of sizes) measured.push(await measure(size));
print(measured);

async function measure(readings: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-store-'));
  const peer = new PeerProcess({ name: 'pi', folder, flags: ['--keep-readings', '0'] });
  try {
    console.error(`${readings} readings: filling`);
    const inserts = await fill(folder, readings);
    const bytes = statSync(join(folder, 'peer.db')).size;
    const began = performance.now();
    await peer.start();
    const start_ms = performance.now() - began;
    console.error(`${readings} readings: asking`);
    return { readings, inserts, bytes, start_ms, p99_ms: await ask(peer) };
  } finally {
    await peer.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns readings a second. */
async function fill(folder: string, readings: number): Promise<number> {
  const store = await openStore({ folder, key: 'key file', log: silentLog, crypto: openssl });
  const { id: contact } = store.contacts.insert(unmet('board', 'http://127.0.0.1:9'));
  const packs = Math.ceil(readings / SENSORS);
  const began = performance.now();
  for (let first = 0; first < packs; first += PACKS) {
    const last = Math.min(packs, first + PACKS);
    store.transaction(() => {
      for (let pack = first; pack < last; pack += 1) {
        const at = new Date(END_MS - (packs - pack) * EVERY_MS);
        store.readings.add(
          Array.from({ length: SENSORS }, (_, sensor) => ({
            contact,
            name: `s${sensor}`,
            unit: 'Cel',
            at,
            sure: true,
            value: 20 + Math.sin(pack / 500 + sensor),
          })),
        );
      }
    });
  }
  const took_s = (performance.now() - began) / 1_000;
  store.close();
  return readings / took_s;
}

async function ask(peer: PeerProcess): Promise<Record<Question, number>> {
  const took = Object.entries(QUESTIONS).map(([question]) => [question, [] as number[]] as const);
  // Interleaved, so that whatever else the machine does meets all alike; the first ones warm up.
  for (let call = -20; call < CALLS; call += 1) {
    for (const [question, times] of took) {
      if (call >= CALLS / 10 && question.startsWith('everything')) continue;
      const range = `to=${iso(END_MS)}&${QUESTIONS[question as Question]}`;
      const path = question === 'the newest' ? '/sensor' : `/sensor?${range}&limit=100000`;
      const began = performance.now();
      const { status, text } = await peer.call('GET', path);
      if (status !== 200 || text.length < 100) throw new Error(text);
      if (call >= 0) times.push(performance.now() - began);
    }
  }
  return Object.fromEntries(took.map(([question, times]) => [question, p99(times)])) as Record<
    Question,
    number
  >;
}

function p99(times: readonly number[]): number {
  return [...times].sort((one, other) => one - other)[Math.floor(times.length * 0.99)] ?? NaN;
}

function iso(time_ms: number): string {
  return new Date(time_ms).toISOString();
}

function print(all: readonly Measured[]): void {
  const row = (title: string, cells: readonly string[]) => `| ${[title, ...cells].join(' | ')} |`;
  const few = all[0];
  if (few === undefined) return;
  console.log(
    row(
      'readings',
      all.map(({ readings }) => readings.toLocaleString('en')),
    ),
  );
  console.log(
    row(
      '---',
      all.map(() => '---'),
    ),
  );
  console.log(
    row(
      'inserted a second',
      all.map(({ inserts }) => Math.round(inserts).toLocaleString('en')),
    ),
  );
  console.log(
    row(
      'file, MiB',
      all.map(({ bytes }) => (bytes / 2 ** 20).toFixed(1)),
    ),
  );
  console.log(
    row(
      'bytes a reading',
      all.map(({ bytes, readings }) => (bytes / readings).toFixed(1)),
    ),
  );
  console.log(
    row(
      'start-up, ms',
      all.map(({ start_ms }) => start_ms.toFixed(0)),
    ),
  );
  for (const question of Object.keys(QUESTIONS) as Question[]) {
    const cells = all.map(({ p99_ms }) => {
      const ratio = p99_ms[question] / few.p99_ms[question];
      return `${p99_ms[question].toFixed(1)} (${ratio.toFixed(2)} ×)`;
    });
    console.log(row(`${question}, p99 in ms`, cells));
  }
}
