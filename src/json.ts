/** JSON from a person's hand: where it is wrong is told by line and column, never by its text. */

/** @throws {SyntaxError} that names the place and quotes nothing. */
export function parseJson(text: string): unknown {
  const value = parsed(text);
  const index = doubledKeyIndex(text);
  // JSON.parse keeps the last of them, and whoever wrote the first would never hear of it.
  if (index !== undefined)
    throw new SyntaxError(`the JSON has a key twice, at ${place(text, index)}`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const index = jsonErrorIndex(text) ?? text.length;
    const what = index === text.length ? 'ends too early, in' : 'cannot be read from';
    // The engine's own message quotes what stands around, which may be somebody's secret.
    throw new SyntaxError(`the JSON ${what} ${place(text, index)}`);
  }
}

function place(text: string, index: number): string {
  const before = text.slice(0, index);
  const column = before.length - before.lastIndexOf('\n');
  return `line ${before.split('\n').length}, column ${column}`;
}

/** Of what JSON.parse takes: only keys have a colon behind them. */
const PIECE = /"(?:[^"\\]+|\\.)*"[\t\n\r ]*(:?)|[{}[\]]/g;

/** Index of the first key that its object has already; undefined if there is none. */
export function doubledKeyIndex(json: string): number | undefined {
  const open: Set<string>[] = [];
  for (const { 0: piece, 1: colon, index } of json.matchAll(PIECE)) {
    if (piece === '{' || piece === '[') open.push(new Set());
    else if (piece === '}' || piece === ']') open.pop();
    else if (colon === ':') {
      const key: string = JSON.parse(piece.slice(0, piece.lastIndexOf('"') + 1));
      if (open.at(-1)?.has(key)) return index;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

const SPACE = /[\t\n\r ]*/y;
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings.
  /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:]/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

/** Index of the first token that RFC 8259 does not allow; undefined if the text is JSON. */
export function jsonErrorIndex(text: string): number | undefined {
  const open: string[] = [];
  let expected: Expected = 'value';
  for (let index = skip(SPACE, text, 0); ; ) {
    if (index === text.length) return expected === 'nothing' ? undefined : index;
    const end = skip(TOKEN, text, index);
    const next = follow(expected, text.slice(index, Math.min(end, index + 1)), open);
    if (next === undefined) return index;
    expected = next;
    index = skip(SPACE, text, end);
  }
}

/** What comes after a token that starts with `start`; undefined if it may not stand here. */
function follow(expected: Expected, start: string, open: string[]): Expected | undefined {
  const closes = start === open.at(-1);
  if (closes && expected !== 'value' && expected !== 'key' && expected !== ':') {
    open.pop();
    return open.length === 0 ? 'nothing' : ', or end';
  }
  if (expected === ':') return start === ':' ? 'value' : undefined;
  if (expected === 'key' || expected === 'key or }') return start === '"' ? ':' : undefined;
  if (expected === 'value' || expected === 'value or ]') return value(start, open);
  if (expected === 'nothing' || start !== ',') return undefined;
  return open.at(-1) === '}' ? 'key' : 'value';
}

function value(start: string, open: string[]): Expected | undefined {
  if (start === '' || ']},:'.includes(start)) return undefined;
  if (start === '[') open.push(']');
  if (start === '{') open.push('}');
  if (start === '[') return 'value or ]';
  if (start === '{') return 'key or }';
  return open.length === 0 ? 'nothing' : ', or end';
}

/** Where the pattern's match at `index` ends; `index` itself if there is none. */
function skip(pattern: RegExp, text: string, index: number): number {
  pattern.lastIndex = index;
  return pattern.test(text) ? pattern.lastIndex : index;
}
