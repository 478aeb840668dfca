/** JSON from a person's hand: where it is wrong is told by line and column, never by its text. */

/** @throws {SyntaxError} that names the place and quotes nothing. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const before = text.slice(0, jsonErrorIndex(text) ?? text.length);
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    const what = before.length === text.length ? 'ends too early, in' : 'cannot be read from';
    // The engine's own message quotes what stands around, which may be somebody's secret.
    throw new SyntaxError(`the JSON ${what} line ${line}, column ${column}`);
  }
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
