/**
 * Where the computing of a peer goes, from what V8 has sampled of its main thread (`--cpu-prof`):
 * each sample counts for the innermost of our own files that was at work.
 */
import { readFileSync } from 'node:fs';

/** What V8 writes, as far as it is used. */
interface Profile {
  readonly nodes: readonly Frame[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

const STORE = 'The store: three readings, and their part of a commit';
const X25519 = 'X25519, and the keys for it';
const OTHERWISE = 'HTTP and the event loop';

/** The first that fits a frame: by file, by function where one is given. */
const STAGES: readonly (readonly [stage: string, file: RegExp, called?: RegExp])[] = [
  [X25519, /\/src\/crypto\//, /^(dh|generateKeyPair|publicKeyObject|OpensslKeyPair)$/],
  ['HKDF, HMAC, SHA-256 and AES-GCM', /\/src\/crypto\/openssl/, /^(derive|hash|hmac|seal|open)$/],
  [STORE, /\/src\/store\//],
  ['Packets, handshake, session and acknowledgement', /\/src\/(protocol|messenger)\//],
  [OTHERWISE, /\/src\/routes\//],
];

const COLLECTING = 'Collecting garbage';
const NOT_WORK = new Set(['(idle)', '(root)']);

/**
 * The share of each stage in what was computed between the first and the last bundle. Samples are
 * taken by the clock: what was not computed meanwhile was waited for, and only the store waits.
 * @param path of a .cpuprofile
 * @param computed_s what the kernel has counted for that thread
 */
export function stageShares(path: string, computed_s: number): ReadonlyMap<string, number> {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const frames = new Map(nodes.map((frame) => [frame.id, frame]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((at) => [at, id])));
  const stackOf = (leaf: number): Frame[] => {
    const stack: Frame[] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = frames.get(id);
      if (frame !== undefined) stack.push(frame);
    }
    return stack;
  };
  const stacks = new Map(nodes.map(({ id }) => [id, stackOf(id)]));
  const takesBundle = (id: number) =>
    stacks.get(id)?.some(({ callFrame }) => callFrame.url.endsWith('/routes/bundles.ts')) ?? false;
  const [first, last] = [samples.findIndex(takesBundle), samples.findLastIndex(takesBundle)];
  const spent = new Map<string, number>();
  for (let at = first; at <= last; at += 1) {
    const stage = stageOf(stacks.get(samples[at] ?? 0) ?? []);
    if (stage === undefined) continue;
    spent.set(stage, (spent.get(stage) ?? 0) + (timeDeltas[at] ?? 0));
  }
  const waited = Math.max(0, sumOf(spent) - 1e6 * computed_s);
  spent.set(STORE, Math.max(0, (spent.get(STORE) ?? 0) - waited));
  const whole = sumOf(spent);
  return new Map([...spent].map(([stage, each]) => [stage, each / whole]));
}

function sumOf(spent: ReadonlyMap<string, number>): number {
  return [...spent.values()].reduce((sum, each) => sum + each, 0);
}

/** @param stack innermost first */
function stageOf(stack: readonly Frame[]): string | undefined {
  const leaf = stack[0]?.callFrame.functionName ?? '(root)';
  if (NOT_WORK.has(leaf)) return undefined;
  if (leaf === '(garbage collector)') return COLLECTING;
  for (const { callFrame } of stack) {
    const found = STAGES.find(
      ([, file, called]) =>
        file.test(callFrame.url) && (called === undefined || called.test(callFrame.functionName)),
    );
    if (found !== undefined) return found[0];
  }
  return OTHERWISE;
}
