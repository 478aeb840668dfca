/**
 * `/`: the page, and the way in: the link that the peer prints at its start carries the token
 * once and leaves a cookie. Without it the page shows what anybody may see, and asks for the link.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openssl } from '../crypto/index.ts';
import type { GuardConfig } from './guard.ts';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';
import { enter } from './session.ts';

const WEB = new URL('../web/', import.meta.url);

/** Modules of packages, as the page's import map names them. */
const LIBRARIES: Readonly<Record<string, string>> = {
  'preact.js': 'preact',
  'preact-hooks.js': 'preact/hooks',
  'htm.js': 'htm',
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
  'uqr.js': 'uqr',
};

export function page(config: GuardConfig): Route {
  const html = read(new URL('index.html', WEB));
  const policy = contentSecurityPolicy(html);
  return (ctx) => {
    ctx.type = 'html';
    ctx.set('Content-Security-Policy', policy);
    const { token } = ctx.query;
    if (token === undefined) {
      ctx.body = html;
      return;
    }
    try {
      enter(ctx, config, String(token));
      ctx.status = 303;
      ctx.redirect('/');
    } catch (cause) {
      // A person sees the page, which says what to do; a program sees the problem.
      if (!ctx.accepts('html') || !ctx.get('accept').includes('text/html')) throw cause;
      ctx.status = 401;
      ctx.body = html;
    }
  };
}

/** `/web/:file`: the parts of the page. They hold nothing of this peer, so anybody may have them. */
export function pageFiles(): Route {
  const own = readdirSync(WEB).map((name) => [name, read(new URL(name, WEB))] as const);
  const libraries = Object.entries(LIBRARIES).map(
    ([name, specifier]) => [name, read(new URL(import.meta.resolve(specifier)))] as const,
  );
  const files = new Map([...own, ...libraries]);
  return (ctx) => {
    const name = ctx.params['file'] ?? '';
    const content = files.get(name);
    if (content === undefined) throw new Problem('not_found');
    ctx.type = /\.[a-z]+$/.exec(name)?.[0] ?? '';
    ctx.body = content;
  };
}

/** The import map is the one inline script, so it is named by its hash. */
function contentSecurityPolicy(html: string): string {
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  const hash = Buffer.from(openssl.hash(new TextEncoder().encode(importMap))).toString('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function read(url: URL): string {
  return readFileSync(fileURLToPath(url), 'utf8');
}
