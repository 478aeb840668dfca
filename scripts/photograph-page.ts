/**
 * Takes the pictures of the page that README.md shows, of two peers that it runs for a moment:
 * `node scripts/photograph-page.ts`. Needs Chromium.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openssl } from '../src/crypto/index.ts';
import { type Reading, unmet } from '../src/messenger/index.ts';
import { openStore } from '../src/store/index.ts';
import { parsePairOptions, type RunningPeer, startPair, stopPeers } from './two-peers.ts';

const SIZE = { width: 1120, height: 700 };
const HOUR_MS = 3_600_000;

const folder = mkdtempSync(join(tmpdir(), 'sotto-page-'));
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  await seedReadings(join(folder, 'alice'));
  const options = parsePairOptions(['--ports', '6100,6101', '--data-dir', folder]);
  const peers = await startPair(options, () => undefined, new AbortController().signal);
  try {
    await photograph(browser, ...peers);
  } finally {
    await stopPeers(peers);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

async function photograph(browser: Browser, alice: RunningPeer, bob: RunningPeer): Promise<void> {
  await ask(alice, '/send_keys', { to: 'bob' });
  const { code } = await ask(bob, '/send_keys');
  await shoot(browser, alice, 'pair', 'light', (page) => page.locator('.code').waitFor());
  for (const [peer, to] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    await ask(peer, '/verify', { to, code });
  }
  const talk: readonly (readonly [RunningPeer, string])[] = [
    [bob, 'The fridge in ward 2 stood open for four minutes. Can you look at its curve?'],
    [alice, 'I have: 6.8 °C at most, for three minutes. Nothing has to be thrown away.'],
    [bob, 'Thank you. The signed record comes with the next message.'],
  ];
  for (const [from, text] of talk) {
    await ask(from, '/send_msg', { to: from === alice ? 'bob' : 'alice', text, wait: 10 });
    await ask(alice, '/decrypt_msg');
  }
  await ask(bob, '/send_msg?name=record-november.pdf&wait=10', new Uint8Array(48_213));
  await shoot(browser, alice, 'messages', 'light', (page) =>
    page.getByRole('button', { name: 'Open', exact: true }).waitFor(),
  );
  await shoot(browser, alice, 'sensors', 'dark', (page) => page.locator('canvas').nth(5).waitFor());
}

async function shoot(
  browser: Browser,
  peer: RunningPeer,
  view: string,
  colorScheme: 'light' | 'dark',
  ready: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage({ viewport: SIZE, colorScheme });
  await page.goto(peer.pageLink);
  await page.goto(`${peer.origin}/#/${view}`);
  await ready(page);
  // For what is drawn after it has come.
  await page.waitForTimeout(500);
  await page.screenshot({ path: `docs/page-${view}.png` });
  await page.close();
}

async function ask(peer: RunningPeer, path: string, body: object = {}) {
  const token = new URL(peer.pageLink).searchParams.get('token');
  const isFile = body instanceof Uint8Array;
  const response = await fetch(`${peer.origin}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': isFile ? 'application/pdf' : 'application/json',
    },
    body: isFile ? new Blob([Uint8Array.from(body)]) : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** An hour of a fridge whose door stood open once, and of which some minutes are missing. */
async function seedReadings(path: string): Promise<void> {
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  const store = await openStore({ folder: path, key: 'key file', log, crypto: openssl });
  const { id: contact } = store.contacts.insert(unmet('fridge-ward-2', undefined));
  const now = Date.now();
  const readings: Reading[] = [];
  const put = (name: string, unit: string, at: Date, value: number) =>
    readings.push({ contact, name, unit, at, sure: true, value });
  for (let ms = 0; ms < HOUR_MS; ms += 10_000) {
    const at = new Date(now - ms);
    const minutes = ms / 60_000;
    if (minutes > 22 && minutes < 31) continue;
    const door = 2.6 * Math.exp(-(((minutes - 12) / 3) ** 2));
    const wave = (period: number) => Math.sin(minutes / period) + Math.sin(minutes * 5.3) / 4;
    put('temp_bmp', 'Cel', at, 4 + door + 0.25 * wave(5));
    put('temp_sht4', 'Cel', at, 4.2 + 0.9 * door + 0.2 * wave(5));
    put('humid_sht4', '%RH', at, 48 + 5 * door + wave(7));
    put('pressure_bmp', 'Pa', at, 101_300 + 30 * wave(30));
    put('ax', 'm/s2', at, 0.02 * wave(2));
    put('az', 'm/s2', at, 9.81 + 0.02 * wave(3));
  }
  const health = { boots: 3, crashes: 0, reset_reason: 1, line_errors: 12, tag_failures: 0 };
  for (const [name, value] of Object.entries(health)) put(name, 'count', new Date(now), value);
  put('heap_free', 'B', new Date(now), 143_360);
  store.transaction(() => store.readings.add(readings));
  store.close();
}
