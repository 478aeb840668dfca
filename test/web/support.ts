/** Two peers as people run them, with a token, and each with its person at a browser. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'cborg';
import type { Browser, Page } from 'playwright-core';
import type { Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { openStore } from '../../src/store/index.ts';
import {
  browserMissing,
  openBrowser,
  openWindow,
  type Sight,
  type Window,
} from '../support/browser.ts';
import { freePort } from '../support/free-ports.ts';
import { silentLog } from '../support/http.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export interface Stage {
  readonly alice: PeerProcess;
  readonly bob: PeerProcess;
  /** Opens the link that a peer has printed. */
  enter(peer: PeerProcess, sight?: Sight): Promise<Window>;
}

/** What they call themselves. */
const NAMES = { alice: 'alice', bob: 'bob' };

export async function setStage(t: Test, browser: Browser, names = NAMES): Promise<Stage> {
  const folder = temporaryFolder(t);
  const peer = async (name: string) => {
    // A port of its own, so that it comes back where the browser looks for it.
    const flags = ['--log-level', 'warn', '--port', `${await freePort()}`];
    const made = new PeerProcess({
      name,
      folder: mkdtempSync(join(folder, 'peer-')),
      demo: false,
      flags,
    });
    t.teardown(() => made.stop('SIGKILL'));
    return made;
  };
  const [alice, bob] = [await peer(names.alice), await peer(names.bob)];
  await Promise.all([alice.start(), bob.start()]);
  const enter = async (peer: PeerProcess, sight?: Sight) => {
    const window = await openWindow(browser, sight);
    await window.page.goto(peer.pageLink);
    await window.page.getByRole('heading', { name: 'Pair', level: 1 }).waitFor();
    return window;
  };
  return { alice, bob, enter };
}

/** As its person's program: with the token. */
export async function operate(peer: PeerProcess, method: string, path: string, json?: object) {
  const headers = { authorization: `Bearer ${peer.token}` };
  const answer = await peer.call(method, path, { headers, ...(json && { json }) });
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.json;
}

/** Both have met, and people have found the codes the same. */
export async function meet(alice: PeerProcess, bob: PeerProcess): Promise<void> {
  await operate(alice, 'POST', '/send_keys', { to: bob.name, address: bob.origin });
  const { code } = await operate(bob, 'POST', '/send_keys', {
    to: alice.name,
    address: alice.origin,
  });
  await operate(alice, 'POST', '/verify', { to: bob.name, code });
  await operate(bob, 'POST', '/verify', { to: alice.name, code });
}

export async function goTo(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Views' }).getByText(view).click();
  await page.getByRole('heading', { name: view, level: 1 }).waitFor();
}

export interface Value {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly at: Date;
}

/** A content of readings, PROTOCOL §8.6, as a device makes it. */
export function readings(values: readonly Value[]): Uint8Array {
  const records = values.map(({ name, unit, value, at }) => {
    return new Map<number, unknown>([
      [0, name],
      [1, unit],
      [2, value],
      [6, at.getTime() / 1_000],
    ]);
  });
  return Uint8Array.of(3, ...encode(records));
}

/** Leaves contents in the outbox of a peer that does not run, for when it runs again. */
export async function leaveInOutbox(
  peer: PeerProcess,
  to: string,
  contents: readonly Uint8Array[],
): Promise<void> {
  const store = await openStore({
    folder: peer.folder,
    key: 'key file',
    log: silentLog,
    crypto: openssl,
  });
  const contact = store.contacts.all().find(({ name }) => name === to);
  if (contact === undefined) throw new Error(`${peer.name} does not know ${to}`);
  store.transaction(() => {
    for (const content of contents) store.outbox.append(contact.id, content, new Date());
  });
  store.close();
}

/** A message as it is drawn. */
export const bubble = (page: Page, text: string) => page.locator('.bubble', { hasText: text });

type BrowserTest = (t: Test, browser: Browser) => Promise<void>;

/** Tests that share one browser; on a machine without one they are left out, and that is said. */
export async function browserTests(t: Test): Promise<(says: string, body: BrowserTest) => void> {
  const missing = browserMissing();
  if (missing !== undefined) {
    t.comment(missing);
    console.error(missing);
    return () => undefined;
  }
  const browser = await openBrowser(t);
  return (says, body) => void t.test(says, (t) => body(t, browser));
}

/** Whether a canvas has anything on it; runs in the page. */
export const inkOf = `(selector) => {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value) => value > 0);
}`;
