/** One try at breaking a peer, and the table in which all of them stand. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Who tries, by the letters of docs/THREAT_MODEL.md; M: whoever broke the older programs. */
export type Attacker = 'W' | 'S' | 'H' | 'B' | 'L' | 'T' | 'C' | 'M';

export interface Attempt<World> {
  readonly by: Attacker;
  /** What is tried, in words. */
  readonly tried: string;
  /**
   * Returns what the peer did, in words.
   * @throws {Error} if the peer gave way: its message says how.
   */
  run(world: World): Promise<string>;
}

export interface Verdict {
  readonly by: Attacker;
  readonly tried: string;
  readonly did: string;
  readonly passed: boolean;
}

/** An attempt that takes longer has hung the peer, and so has succeeded. */
const DEADLINE_MS = 90_000;

/**
 * Runs them one after the other on the same world, so that each stands on what the others left.
 * @param serves throws if an honest peer is not served any more; asked after each attempt.
 */
export async function runAll<World>(
  attempts: readonly Attempt<World>[],
  world: World,
  serves: (world: World) => Promise<void>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const attempt of attempts) verdicts.push(await judge(attempt, world, serves));
  return verdicts;
}

async function judge<World>(
  { by, tried, run }: Attempt<World>,
  world: World,
  serves: (world: World) => Promise<void>,
): Promise<Verdict> {
  try {
    const did = await Promise.race([run(world), tooLate('the attempt')]);
    await Promise.race([serves(world), tooLate('an honest message afterwards')]);
    return { by, tried, did, passed: true };
  } catch (error) {
    return {
      by,
      tried,
      did: error instanceof Error ? error.message : String(error),
      passed: false,
    };
  }
}

async function tooLate(what: string): Promise<never> {
  await sleep(DEADLINE_MS, undefined, { ref: false });
  throw new Error(`${what} did not end within ${DEADLINE_MS / 1_000} s`);
}

/** Markdown. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = verdicts.map(
    ({ by, tried, did, passed }) =>
      `| ${by} | ${cell(tried)} | ${cell(did)} | ${passed ? 'pass' : '**FAIL**'} |`,
  );
  return ['| by | tried | what the peer did | |', '|---|---|---|---|', ...rows].join('\n');
}
