/** The rules of docs/ARCHITECTURE.md as tables, and what breaks them in a source file. */
import type { Import, Source } from './sources.ts';

/** Returns one sentence for each offence. */
export type Rule = (source: Source) => string[];

const FUNCTION_LINES_MAX = 60;
const FILE_LINES_MAX = 400;

/** Who may import whom. Arrows point down only, so there can be no cycle between folders. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'bytes.ts': [],
  'failures.ts': [],
  'next-step.ts': [],
  'printable.ts': [],
  'reasons.ts': [],
  crypto: ['bytes.ts'],
  protocol: ['bytes.ts', 'crypto'],
  stego: ['bytes.ts', 'crypto'],
  messenger: [
    'bytes.ts',
    'failures.ts',
    'next-step.ts',
    'printable.ts',
    'reasons.ts',
    'crypto',
    'protocol',
    'stego',
  ],
  link: ['bytes.ts', 'failures.ts', 'reasons.ts', 'messenger'],
  'on-disk.ts': ['failures.ts', 'reasons.ts'],
  'used-covers.ts': ['on-disk.ts', 'reasons.ts'],
  store: [
    'bytes.ts',
    'failures.ts',
    'on-disk.ts',
    'reasons.ts',
    'crypto',
    'messenger',
    'used-covers.ts',
  ],
  routes: ['bytes.ts', 'failures.ts', 'json.ts', 'next-step.ts', 'crypto', 'protocol', 'messenger'],
  'json.ts': [],
  'options.ts': [],
  'nearest.ts': [],
  'listening.ts': ['reasons.ts'],
  'nearby.ts': [],
  'young-heap.ts': [],
  'config.ts': ['bytes.ts', 'json.ts', 'nearest.ts', 'on-disk.ts', 'options.ts', 'reasons.ts'],
  forward: ['messenger', 'reasons.ts'],
  bridge: ['bytes.ts', 'failures.ts', 'crypto', 'link', 'routes'],
  'presence.ts': ['config.ts', 'on-disk.ts', 'reasons.ts'],
  'log-line.ts': [],
  'surroundings.ts': ['failures.ts', 'log-line.ts', 'messenger'],
  'upkeep.ts': ['config.ts', 'messenger', 'store'],
  'identity.ts': [
    'bytes.ts',
    'failures.ts',
    'config.ts',
    'crypto',
    'protocol',
    'messenger',
    'store',
    'surroundings.ts',
  ],
  'keeper.ts': [
    'failures.ts',
    'config.ts',
    'crypto',
    'identity.ts',
    'messenger',
    'routes',
    'store',
  ],
  'peer.ts': [
    'listening.ts',
    'nearby.ts',
    'forward',
    'upkeep.ts',
    'identity.ts',
    'keeper.ts',
    'bytes.ts',
    'failures.ts',
    'crypto',
    'protocol',
    'stego',
    'messenger',
    'link',
    'store',
    'routes',
    'config.ts',
    'presence.ts',
    'surroundings.ts',
  ],
  cli: [
    'listening.ts',
    'next-step.ts',
    'printable.ts',
    'on-disk.ts',
    'reasons.ts',
    'bridge',
    'bytes.ts',
    'failures.ts',
    'crypto',
    'stego',
    'config.ts',
    'nearest.ts',
    'nearby.ts',
    'young-heap.ts',
    'presence.ts',
    'used-covers.ts',
    'identity.ts',
    'peer.ts',
  ],
};

/** Ports are types: who implements them needs nothing of the messenger when it runs. */
const TYPES_ONLY: readonly (readonly [string, string])[] = [
  ['link', 'messenger'],
  ['store', 'messenger'],
  ['forward', 'messenger'],
  ['surroundings.ts', 'messenger'],
  ['keeper.ts', 'routes'],
];

/** Folders that compute and nothing else, and what would betray them. */
const PURE: readonly string[] = ['bytes.ts', 'crypto', 'protocol', 'stego'];
const IMPURE =
  /\b(Date\b|Math\.random\b|performance\.|process\.|console\.|setTimeout\b|setInterval\b|setImmediate\b|fetch\(|Buffer\b|crypto\.getRandomValues\b)/;

/** The stego folder's door to files, and what runs it off the event loop. */
const PNG_DOOR = /^src\/stego\/png[^/]*\.ts$/;
const WORKER = /^src\/stego\/[^/]*(worker|pool)[^/]*\.ts$/;

/** Packages with one home. */
const HOMES: readonly (readonly [RegExp, RegExp])[] = [
  [/^(node:)?crypto$/, /^src\/crypto\//],
  [/^@noble\//, /^src\/crypto\//],
  [/^(node:)?zlib$/, PNG_DOOR],
  [/^pngjs$/, PNG_DOOR],
  [/^pg$/, /^src\/forward\//],
  [/^mqtt$/, /^src\/forward\//],
  [/^bonjour-service$/, /^src\/nearby\.ts$/],
  [/^better-sqlite3/, /^src\/store\/|^bench\//],
];

/** Where execution starts. Worker entries are found by their `new URL(…, import.meta.url)`. */
const ENTRIES: readonly string[] = ['src/peer.ts', 'src/cli/index.ts'];

/** `src/link/http-link.ts` lives in `link`, `src/peer.ts` in `peer.ts`. */
function homeOf(path: string): string {
  return path.split('/')[1] ?? '';
}

export function wrongDirection({ path, imports }: Source): string[] {
  const home = homeOf(path);
  const allowed = MAY_IMPORT[home];
  if (allowed === undefined) return [`${path}: say in MAY_IMPORT what ${home} may import`];
  return own(imports).flatMap(({ file, typeOnly }) => {
    const target = homeOf(file);
    if (target === home) return [];
    if (!allowed.includes(target)) return [`${path} must not import ${target}`];
    const mustBeType = TYPES_ONLY.some(([from, to]) => from === home && to === target);
    return mustBeType && !typeOnly ? [`${path} may import only types of ${target}`] : [];
  });
}

export function behindTheIndex({ path, imports }: Source): string[] {
  return own(imports).flatMap(({ file }) => {
    const inside = homeOf(file) === homeOf(path);
    const isIndex = file.endsWith('/index.ts');
    const isFolder = file.split('/').length > 2;
    if (inside && isIndex && isFolder) return [`${path} must not import its own index`];
    return !inside && isFolder && !isIndex ? [`${path} must import the index, not ${file}`] : [];
  });
}

export function impurity({ path, code, imports }: Source): string[] {
  if (!PURE.includes(homeOf(path)) || WORKER.test(path)) return [];
  const mentioned = IMPURE.exec(code)?.[0];
  const allowed = (specifier: string) =>
    (homeOf(path) === 'crypto' && specifier === 'node:crypto') ||
    (PNG_DOOR.test(path) && specifier === 'node:zlib');
  const imported = imports
    .map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith('node:') && !allowed(specifier));
  const offences = mentioned === undefined ? imported : [mentioned, ...imported];
  return offences.map((offence) => `${path} is pure and must not use ${offence}`);
}

export function strayPackage({ path, imports }: Source): string[] {
  return imports.flatMap(({ specifier }) =>
    HOMES.filter(([name, home]) => name.test(specifier) && !home.test(path)).map(
      () => `${path} must not import ${specifier}`,
    ),
  );
}

export function readsEnvironment({ path, code }: Source): string[] {
  const reads = path !== 'src/config.ts' && /\bprocess\.env\b|\benv\b.*'node:process'/.test(code);
  return reads ? [`${path}: only src/config.ts reads the environment`] : [];
}

export function silencedTest({ path, code }: Source): string[] {
  const silenced = /\.(skip|only|todo)\(|\b(skip|only|todo): true\b/.exec(code)?.[0];
  return silenced === undefined ? [] : [`${path} silences a test: ${silenced}`];
}

/** Bound, a bare one has SQLite compile the whole statement anew, to plan with it. */
export function bareLimit({ path, text }: Source): string[] {
  return /\blimit \?/.test(text) ? [`${path}: SQL takes a limit as "limit +?"`] : [];
}

export function longFunction({ path, functions }: Source): string[] {
  return functions
    .filter(({ lineCount }) => lineCount > FUNCTION_LINES_MAX)
    .map(({ name, line, lineCount }) => `${path}:${line} ${name} has ${lineCount} lines`);
}

export function longFile({ path, text }: { readonly path: string; readonly text: string }) {
  const lineCount = text.trimEnd().split('\n').length;
  return lineCount > FILE_LINES_MAX ? [`${path} has ${lineCount} lines`] : [];
}

/** Files under src/ that no entry, worker or script leads to. */
export function deadFiles(src: readonly Source[], scripts: readonly Source[]): string[] {
  const alive = reached([...src, ...scripts], [...ENTRIES, ...scripts.map(({ path }) => path)]);
  return src.filter(({ path }) => !alive.has(path)).map(({ path }) => `${path} is dead`);
}

/** The files that `entries` lead to. */
function reached(sources: readonly Source[], entries: readonly string[]): ReadonlySet<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const found = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    waiting.push(...own(byPath.get(path)?.imports ?? []).map(({ file }) => file));
  }
  return found;
}

/** Imports of the project's own files. */
function own(imports: readonly Import[]): (Import & { readonly file: string })[] {
  return imports.flatMap((each) => (each.file === undefined ? [] : [{ ...each, file: each.file }]));
}
