/** The page in a real Chromium, as its person has it; and what a machine without one is told. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { PATIENCE_MS } from './patience.ts';

const CHROMIUM = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox', // Tests may run as root.
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What to say where there is no browser; undefined: there is one. */
export function browserMissing(): string | undefined {
  if (existsSync(CHROMIUM)) return undefined;
  return 'LEFT OUT for want of Chromium, the page in a browser: apt-get install chromium';
}

export async function openBrowser(t: Pick<Test, 'teardown'>): Promise<Browser> {
  const start = { executablePath: CHROMIUM, args: ARGUMENTS, timeout: PATIENCE_MS };
  const browser = await chromium.launch(start);
  t.teardown(() => browser.close());
  return browser;
}

export interface Sight {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
}

export const DESK: Sight = { width: 1440, height: 900 };
export const PHONE: Sight = { width: 390, height: 844 };

/** A person's window, which keeps what the browser complained of. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, what the content security policy stopped, and what was asked elsewhere. */
  readonly complaints: string[];
}

export async function openWindow(browser: Browser, sight: Sight = DESK): Promise<Window> {
  const { width, height, scheme = 'light' } = sight;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    // Axe is put into the page from outside. What the policy stops in the page is told all the same.
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  let home: string | undefined;
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!protocol.startsWith('http')) return;
    home ??= origin;
    if (origin !== home) complaints.push(`asked ${origin}: the page must work without any other`);
  });
  page.on('console', (message) => {
    const text = message.text();
    // A refusal that the page itself handles is told there as a failed load.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      complaints.push(text);
    }
  });
  return { page, context, complaints };
}

/** What axe finds to be serious or worse, one line each. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(`${await source()};0`);
  const found: { violations: Violation[] } = await page.evaluate('axe.run(document)');
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

async function source(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return await readFile(AXE, 'utf8');
}

/** Roles that say nothing without a name. */
const NAMED = new Set(
  'button link textbox combobox radio img image progressbar dialog navigation region log alertdialog'.split(
    ' ',
  ),
);

/** What a screen reader would come to and could not call by a name, by its role. */
export async function namelessNodes(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored, role }) => !ignored && NAMED.has(String(role?.value)))
    .filter(({ name }) => String(name?.value ?? '').trim() === '')
    .map(({ role }) => String(role?.value));
}

/** Whether something sticks out of the window to its right: a phone must not scroll sideways. */
export function overflows(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}
