/**
 * The store with many readings, against itself with few:
 *
 *     npm run bench:store -- [READINGS…]       100000 10000000, and then it writes docs/SCALE.md
 *
 * One board of eleven sensors that measures every ten seconds. Rows of each question are the same
 * in number whatever the store holds, but for the last: everything, by the day. Asked through
 * `/sensor` of a running peer, so with JSON and HTTP. Last, the first store is forwarded.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openssl } from '../src/crypto/index.ts';
import { unmet } from '../src/messenger/index.ts';
import { openStore } from '../src/store/index.ts';
import { silentLog } from '../test/support/http.ts';
import { PeerProcess } from '../test/support/peer-process.ts';
import { median, occasion, quantile, row, sizesAsked, writeSection } from './figures.ts';
import { forwardRate } from './forward.ts';

const SENSORS = 11;
const EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Packs in one transaction: what a full bundle brings. */
const PACKS = 200;
const CALLS = 300;
const STARTS = 3;
const END_MS = Date.UTC(2026, 0, 1);

const QUESTIONS = {
  'an hour of one sensor': `name=s0&from=${iso(END_MS - HOUR_MS)}`,
  'an hour of all': `from=${iso(END_MS - HOUR_MS)}`,
  'a day of all, by the hour': `from=${iso(END_MS - DAY_MS)}&every=3600`,
  'a day of one, by ten minutes': `name=s0&from=${iso(END_MS - DAY_MS)}&every=600`,
  'the newest': '',
  'everything, by the year': `from=1990-01-01&every=${365 * 86_400}`,
  'everything, by the day': `from=1990-01-01&every=86400`,
} as const;
type Question = keyof typeof QUESTIONS;

const QUESTION_NAMES = Object.keys(QUESTIONS) as Question[];

interface Filled {
  readonly readings: number;
  /** A second. */
  readonly inserts: number;
  readonly bytes: number;
  /** The quickest of a few: the others waited for something else. */
  readonly start_ms: number;
  readonly peer: PeerProcess;
  readonly took: ReadonlyMap<Question, number[]>;
}

const wanted = sizesAsked('npm run bench:store', 'readings');
const sizes = wanted.length > 0 ? wanted : [100_000, 10_000_000];
const stores: Filled[] = [];
try {
  for (const size of sizes) stores.push(await prepare(size));
  console.error('asking');
  await ask(stores);
  const table = tableOf(stores);
  for (const { peer } of stores) await peer.stop();
  console.error('forwarding');
  const [few] = stores;
  const rate = few && (await forwardRate(few.peer.folder, few.readings));
  const forwarded =
    rate === undefined
      ? 'Forwarding was not measured: PostgreSQL is not installed.'
      : `Forwarded into a PostgreSQL on the same machine and disk, ${few?.readings.toLocaleString('en')} that a store held already: ${counted(rate)} readings a second.`;
  const lines = [...table, '', forwarded];
  console.log(lines.join('\n'));
  if (wanted.length === 0) writeSection('store', [occasion('npm run bench:store'), '', ...lines]);
} finally {
  for (const { peer } of stores) {
    await peer.stop('SIGKILL');
    rmSync(peer.folder, { recursive: true, force: true });
  }
}

async function prepare(readings: number): Promise<Filled> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-store-'));
  console.error(`${readings} readings: filling`);
  const inserts = await fill(folder, readings);
  const bytes = statSync(join(folder, 'peer.db')).size;
  const flags = ['--keep-readings', '0', '--log-level', 'warn'];
  const peer = new PeerProcess({ name: 'pi', folder, flags });
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    await peer.stop();
    const began = performance.now();
    await peer.start();
    starts.push(performance.now() - began);
  }
  const took = new Map(QUESTION_NAMES.map((question) => [question, [] as number[]]));
  return { readings, inserts, bytes, start_ms: Math.min(...starts), peer, took };
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

/** All in turn, so that whatever else the machine does meets all alike; the first calls warm up. */
async function ask(all: readonly Filled[]): Promise<void> {
  for (let call = -10; call < CALLS; call += 1) {
    for (const question of QUESTION_NAMES) {
      for (const { peer, took } of all) {
        const range = `to=${iso(END_MS)}&limit=100000&${QUESTIONS[question]}`;
        const path = question === 'the newest' ? '/sensor' : `/sensor?${range}`;
        const began = performance.now();
        const { status, text } = await peer.call('GET', path);
        if (status !== 200 || text.length < 100) throw new Error(text);
        if (call >= 0) took.get(question)?.push(performance.now() - began);
      }
    }
  }
}

function iso(time_ms: number): string {
  return new Date(time_ms).toISOString();
}

function tableOf(all: readonly Filled[]): readonly string[] {
  const few = all[0];
  const line = (title: string, cellOf: (filled: Filled) => string) =>
    row([title, ...all.map(cellOf)]);
  const questions = QUESTION_NAMES.map((question) =>
    line(`${question}: median / p99, ms`, ({ took }) => {
      const times = took.get(question) ?? [];
      const slow = quantile(times, 0.99);
      const ratio = slow / quantile(few?.took.get(question) ?? [], 0.99);
      return `${median(times).toFixed(1)} / ${slow.toFixed(1)} (${ratio.toFixed(2)} ×)`;
    }),
  );
  return [
    line('readings', ({ readings }) => readings.toLocaleString('en')),
    line('---', () => '---'),
    line('inserted a second, in bundles', ({ inserts }) => counted(inserts)),
    line('file, MiB', ({ bytes }) => (bytes / 2 ** 20).toFixed(1)),
    line('bytes a reading', ({ bytes, readings }) => (bytes / readings).toFixed(1)),
    line(`start-up, ms, the quickest of ${STARTS}`, ({ start_ms }) => start_ms.toFixed(0)),
    ...questions,
  ];
}

/** Two digits that mean something. */
function counted(rate: number): string {
  return Number(rate.toPrecision(2)).toLocaleString('en');
}
