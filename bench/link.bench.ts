/**
 * One link against three others, same payloads, interleaved in one run, both ends in this process:
 * handshakes, latency, messages and bytes a second. None of the others keeps anything on a disk;
 * peers.bench.ts measures what ours costs with its store.
 */
import type { Channel, Contender } from './links/channel.ts';
import { libp2pNoise } from './links/libp2p-noise.ts';
import { noiseHandshake } from './links/noise-handshake.ts';
import { ours } from './links/ours.ts';
import { mutualTls } from './links/tls.ts';

const ROUNDS = 5;
const HANDSHAKES = 60;
const ALONE = 300;
const MESSAGES = 4_000;
const AT_ONCE = 64;
const SMALL = new Uint8Array(256).fill(0x61);
/** What one Noise message holds, with room for each one's own head. */
const LARGE = new Uint8Array(60_000).fill(0x61);
const LARGES = 300;

const CONTENDERS = [ours, mutualTls, noiseHandshake, libp2pNoise];

interface Round {
  readonly handshakes: number;
  readonly latency_us: number;
  readonly messages: number;
  readonly mebibytes: number;
}

const rounds = new Map<Contender, Round[]>(CONTENDERS.map((each) => [each, []]));
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const contender of CONTENDERS) {
    const measured = await measure(contender);
    console.error(contender.name, JSON.stringify(measured));
    // The first round warms everything up.
    if (round > 0) rounds.get(contender)?.push(measured);
  }
}
report();
process.exit(0);

async function measure(contender: Contender): Promise<Round> {
  const began = performance.now();
  for (let count = 0; count < HANDSHAKES; count += 1) (await contender.meet()).close();
  const handshakes = (HANDSHAKES / (performance.now() - began)) * 1_000;
  const channel = await contender.meet();
  const sent = { bytes: 0 };
  const latencies: number[] = [];
  for (let count = 0; count < ALONE; count += 1) {
    const start = performance.now();
    await send(channel, SMALL, 1, sent);
    latencies.push((performance.now() - start) * 1_000);
  }
  const messages = await rate(() => send(channel, SMALL, MESSAGES, sent));
  const larges = await rate(() => send(channel, LARGE, LARGES, sent));
  channel.close();
  return {
    handshakes,
    latency_us: median(latencies),
    messages: messages * MESSAGES,
    mebibytes: (larges * LARGES * LARGE.length) / 2 ** 20,
  };
}

/** `count` payloads, a bounded number of them under way. */
async function send(
  channel: Channel,
  payload: Uint8Array,
  count: number,
  sent: { bytes: number },
): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    const many = Math.min(left, AT_ONCE);
    for (let each = 0; each < many; each += 1) channel.send(payload);
    sent.bytes += many * payload.length;
    await channel.arrived(sent.bytes);
  }
}

/** Of `work`, a second. */
async function rate(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return 1_000 / (performance.now() - began);
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Three digits that mean something; none in powers of ten. */
function numberOf(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}

function report(): void {
  const rows = CONTENDERS.map((contender) => {
    const all = rounds.get(contender) ?? [];
    const cells = (['handshakes', 'latency_us', 'messages', 'mebibytes'] as const).map((column) => {
      const value = median(all.map((round) => round[column]));
      const ratios = all.map((round, at) => {
        return round[column] / (rounds.get(ours)?.[at]?.[column] ?? Number.NaN);
      });
      const spread = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
      return `${numberOf(value)} (${median(ratios).toFixed(2)} ×, ${spread.join(' – ')})`;
    });
    return `| ${contender.name} | ${cells.join(' | ')} |`;
  });
  console.log(`## One link, without a store

Both ends in one process, over loopback TCP but for libp2p's, which stays in memory; ${ROUNDS} interleaved rounds after one to warm up. In brackets how much
of ours, median and spread. **None of these is durable**, nor are ours here: what our store costs stands in the section on two peers.
Each message is a packet of its own here, but for TLS, a stream without messages: what is written at once shares a record. So do ours where many wait (a full outbox).

| | handshakes/s | latency of 256 B, µs | messages of 256 B a second, ${AT_ONCE} at once | MiB/s in 60,000 B |
|---|---|---|---|---|
${rows.join('\n')}

${CONTENDERS.map(({ name, about }) => `${name}: ${about}.`).join('\n')}`);
}
