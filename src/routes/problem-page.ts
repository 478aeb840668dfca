/**
 * A refusal for a person whose browser has come here by a link or by its address bar: the same
 * status and code, as a page with words. Programs, and scripts of any page, get the problem as JSON.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { ProblemCode } from './problem-codes.ts';

export interface ProblemWords {
  readonly code: ProblemCode;
  readonly title: string;
  readonly detail: string;
}

/** Nothing runs on it, and nothing may frame it. */
export const PROBLEM_PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Only a browser that fills a window says all of this; what it fills a frame with says otherwise. */
export function isPersonWhoCame(headers: IncomingHttpHeaders): boolean {
  return (
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    (headers.accept ?? '').includes('text/html')
  );
}

/** Instead of the table's words, which speak to programs as well. */
const FOR_PEOPLE: Readonly<Partial<Record<ProblemCode, string>>> = {
  other_site:
    'A link or a form on another site has led here, and such a one may not act on this peer. Nothing was done. If you have followed a link to this peer on purpose, copy it into the address bar.',
  token_missing:
    'This takes the token of this peer. Open the link that it printed when it started; after that this address works, too.',
  not_found: 'There is nothing at this address. Perhaps it was mistyped.',
};

/** Under these the page of the peer would be refused as well. */
const NO_WAY_ON: ReadonlySet<ProblemCode> = new Set(['host_not_allowed', 'forwarded', 'not_local']);

export function problemPage({ code, title, detail }: ProblemWords): string {
  const words = FOR_PEOPLE[code] ?? detail;
  const way = NO_WAY_ON.has(code)
    ? ''
    : '\n      <p><a class="button primary" href="/">Open the page of this peer</a></p>';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeMarkup(title)} · Sotto</title>
    <link rel="icon" href="/web/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/web/base.css">
    <link rel="stylesheet" href="/web/parts.css">
    <link rel="stylesheet" href="/web/views.css">
  </head>
  <body>
    <main class="gate">
      <header class="gate-head"><img src="/web/icon.svg" alt=""><h1>${escapeMarkup(title)}</h1></header>
      <p>${escapeMarkup(words)}</p>${way}
      <p class="muted small">Error code <code>${code}</code></p>
    </main>
  </body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A detail names what a request held, so it may hold anything. */
function escapeMarkup(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
