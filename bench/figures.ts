/** What several benches print: medians, spreads, rows, and their part of a page in docs/. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. @throws {Error} where that is not. */
export function writeSection(name: string, lines: readonly string[], page = 'docs/SCALE.md'): void {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const before = readFileSync(page, 'utf8');
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`${page} has no part ${name}`);
  const after = `${before.slice(0, from)}${begin}${lines.join('\n')}\n${before.slice(to)}`;
  writeFileSync(page, after);
}

/** How many of what each argument asks for; ends the process where one is no such number. */
export function sizesAsked(command: string, what: string): readonly number[] {
  const asked = process.argv.slice(2).map(Number);
  if (asked.every((size) => Number.isSafeInteger(size) && size > 0)) return asked;
  console.error(`${command} takes numbers of ${what}, as: ${command} -- 100 1000`);
  process.exit(2);
}

/** When and on what, for the first line of a part. */
export function occasion(command: string): string {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`;
  const date = new Date().toISOString().slice(0, 10);
  return `Written by \`${command}\`, Sotto ${version}, on ${date}: ${machine}, Linux ${release()}, Node ${process.version}.`;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `1.20 (1.10 – 1.31)`: the median and what it lay between. */
export function spread(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)} – ${most.toFixed(digits)})`;
}

export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
