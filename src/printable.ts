/**
 * Text of others, safe on a terminal: without what moves the cursor, renames the window, changes
 * what was printed before, turns the reading direction or cannot be seen. Line breaks and tabs
 * stay; so do the two joiners (U+200C, U+200D), without which Persian words and many emoji fall
 * apart, and which do nothing else.
 */
const COMMANDING = /[^\P{C}\n\t\u200c\u200d]|[\u2028\u2029]/gu;

/** What no line of ours begins with, so that nobody passes for the peer, or for somebody else. */
const CONTINUED = '  | ';

export function printable(text: string, instead: (character: string) => string = () => '\ufffd') {
  return text.replaceAll('\r\n', '\n').replace(COMMANDING, instead);
}

/** Several lines as one entry: each but the first is marked as its continuation. */
export function printableEntry(text: string, instead?: (character: string) => string): string {
  return printable(text, instead).replaceAll('\n', `\n${CONTINUED}`);
}
