/** Reads TypeScript files once, for tests that judge how the code is laid out. */
import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { posix } from 'node:path';
import { parse } from 'acorn';

export interface Import {
  /** As written: a package, or a path that starts with a dot. */
  readonly specifier: string;
  /** The imported file from the repository's root; undefined for a package. */
  readonly file: string | undefined;
  readonly typeOnly: boolean;
}

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lineCount: number;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  /** `text` without types and comments, each replaced by blanks: line numbers stay. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSpan[];
}

export function readSources(pattern: string): Source[] {
  return globSync(pattern)
    .sort()
    .map((path) => toSource(path, readFileSync(path, 'utf8')));
}

export function toSource(path: string, text: string): Source {
  const comments: [number, number][] = [];
  const plain = stripTypeScriptTypes(text);
  const program = parse(plain, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
    onComment: (_block, _text, start, end) => comments.push([start, end]),
  });
  const functions: FunctionSpan[] = [];
  collectFunctions(program, plain, functions);
  const code = comments.reduce(blank, plain);
  // Types are looked at too: `import type` is erased from the plain text.
  const imports = findImports(path, comments.reduce(blank, text));
  return { path, text, code, imports, functions };
}

function blank(text: string, [start, end]: readonly [number, number]): string {
  const hidden = text.slice(start, end).replace(/[^\n]/g, ' ');
  return text.slice(0, start) + hidden + text.slice(end);
}

/**
 * The ways one file names another. The formatter starts each static import on a new line; its
 * list of names has none of the characters that could let a match run into the next statement.
 */
const STATIC = /^(?:import|export)\s+(type\s+)?[\w*\s{},$]+?\sfrom\s+'([^']+)'/gm;
const SIDE_EFFECT = /^import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;
const FILE_URL = /\bnew URL\(\s*'(\.[^']+\.[mc]?ts)',\s*import\.meta\.url/g;

function findImports(path: string, text: string): Import[] {
  const found: [string, boolean][] = [];
  for (const [, type, specifier = ''] of text.matchAll(STATIC)) {
    found.push([specifier, type !== undefined]);
  }
  for (const pattern of [SIDE_EFFECT, DYNAMIC, FILE_URL]) {
    for (const [, specifier = ''] of text.matchAll(pattern)) found.push([specifier, false]);
  }
  return found.map(([specifier, typeOnly]) => ({
    specifier,
    file: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined,
    typeOnly,
  }));
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly id?: unknown;
  readonly key?: unknown;
  readonly name?: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** Walks the tree with `name` as what the nearest declaration or property is called. */
function collectFunctions(node: Node, text: string, found: FunctionSpan[], name = ''): void {
  const own = nameOf(node) ?? name;
  if (FUNCTIONS.includes(node.type)) {
    const line = text.slice(0, node.start).split('\n').length;
    const lineCount = text.slice(node.start, node.end).split('\n').length;
    found.push({ name: own || 'anonymous', line, lineCount });
  }
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) collectFunctions(child, text, found, own);
    }
  }
}

function nameOf(node: Node): string | undefined {
  for (const label of [node.id, node.key]) {
    if (isNode(label) && typeof label.name === 'string') return label.name;
  }
  return undefined;
}
