/**
 * Goal: the page can be used as it is seen: on a phone, at 200 %, in the dark, with many contacts
 * of long names, written from the right too; nothing is cut, covered or too faint to read.
 * Method: real Chromium on real peers; one that has contacts which nobody could have met in a test.
 * A machine without Chromium is told what was left out.
 */
import type { Browser, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { openssl, type PublicKey } from '../../src/crypto/index.ts';
import { unmet } from '../../src/messenger/index.ts';
import type { MeetingFailure } from '../../src/protocol/index.ts';
import { openStore } from '../../src/store/index.ts';
import {
  namelessNodes,
  openWindow,
  overflows,
  PHONE,
  type Sight,
  seriousFaults,
  type Window,
} from '../support/browser.ts';
import { silentLog } from '../support/http.ts';
import { type PeerProcess, until } from '../support/peer-process.ts';
import { browserTests, bubble, goTo, meet, operate, setStage } from './support.ts';

const inBrowser = await browserTests(t);

const ARABIC = 'مستشفى الملك فهد';
const NAMES = ['Dr. Müller-Lüdenscheidt, Cardiology, second floor, left', 'x'.repeat(64), ARABIC];
const VIEWS = ['Pair', 'Messages', 'Sensors', 'This peer'] as const;

/** Contacts that a peer, which does not run, has met; none of them answers. */
async function haveMet(peer: PeerProcess, names: readonly string[]): Promise<void> {
  const { folder } = peer;
  const store = await openStore({ folder, key: 'key file', log: silentLog, crypto: openssl });
  for (const [at, name] of names.entries()) {
    const publicKey = new Uint8Array(32).fill(at + 1) as PublicKey;
    store.contacts.insert({ ...unmet(name, `http://127.0.0.1:${at + 1}`), publicKey });
  }
  store.close();
}

/** Whether what is in the middle of an element is that element, and nothing that lies over it. */
function isOnTop(page: Page, selector: string): Promise<boolean> {
  return page.evaluate(`(() => {
    const element = document.querySelector('${selector}');
    const { x, y, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  })()`);
}

/** A window of a peer in a theme, in which nothing is on its way from one colour to another. */
async function look(browser: Browser, { pageLink }: PeerProcess, sight: Sight): Promise<Window> {
  const window = await openWindow(browser, sight);
  await window.page.emulateMedia({ reducedMotion: 'reduce' });
  await window.page.goto(pageLink);
  await window.page.getByRole('heading', { name: 'Pair', level: 1 }).waitFor();
  return window;
}

async function seesAllViews(t: Test, page: Page, scheme: string): Promise<void> {
  for (const view of VIEWS) {
    await goTo(page, view);
    t.notOk(await overflows(page), `${view}: no scrolling sideways`);
    t.strictSame(await seriousFaults(page), [], `${view}, ${scheme}`);
  }
}

/** What lies over a view: a notice, a pairing code, a window. */
async function seesWhatLiesOver(t: Test, page: Page, scheme: string): Promise<void> {
  await goTo(page, 'Pair');
  await page.getByRole('button', { name: 'Make a pairing code' }).click();
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('The pairing code is copied.').waitFor();
  t.strictSame(await seriousFaults(page), [], `a notice, ${scheme}`);
  await goTo(page, 'Messages');
  t.ok(await isOnTop(page, '.composer .primary'), 'nothing lies over the button that sends');
  await page.getByRole('button', { name: 'In a picture', exact: true }).click();
  await page.getByRole('dialog').waitFor();
  t.strictSame(await seriousFaults(page), [], `a window, ${scheme}`);
  t.strictSame(await namelessNodes(page), [], 'a window');
}

inBrowser(
  'a phone shows many contacts of long names, and none, in both themes',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser);
    const empty = await look(browser, bob, { ...PHONE, scheme: 'dark' });
    await seesAllViews(t, empty.page, 'dark');
    await empty.context.close();

    await meet(alice, bob);
    const { page, context, complaints } = await enter(alice);
    await callsBack(t, page, alice);
    await countsInTitle(t, page, bob);
    t.strictSame(complaints, []);
    await context.close();

    await alice.stop();
    await haveMet(alice, NAMES);
    await alice.start();
    for (const scheme of ['dark', 'light'] as const) {
      const { page, complaints, context } = await look(browser, alice, { ...PHONE, scheme });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.getByRole('heading', { name: ARABIC, level: 3 }).waitFor();
      await seesAllViews(t, page, scheme);
      await seesWhatLiesOver(t, page, scheme);
      if (scheme === 'light') await neverWritesToAnother(t, page, alice);
      t.strictSame(complaints, []);
      await context.close();
    }
  },
);

/** A contact that goes away while somebody types to it does not give its place to another. */
async function neverWritesToAnother(t: Test, page: Page, alice: PeerProcess): Promise<void> {
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'bob' }).click();
  await page.getByLabel('Message to bob').fill('for bob al');
  await operate(alice, 'DELETE', '/contacts/bob');
  await page.getByRole('heading', { name: 'Not here any more' }).waitFor();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  t.equal(await page.getByRole('textbox').count(), 0);
  await page.getByRole('link', { name: ARABIC }).click();
  t.equal(await page.getByLabel(`Message to ${ARABIC}`).inputValue(), '', 'nor do its words');
}

/** A file under way can be called back; others wait their turn. */
async function callsBack(t: Test, page: Page, alice: PeerProcess): Promise<void> {
  await goTo(page, 'Messages');
  const network = await page.context().newCDPSession(page);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
  await network.send('Network.emulateNetworkConditions', slow);
  const file = (name: string, size: number) => {
    return { name, mimeType: 'text/plain', buffer: Buffer.alloc(size) };
  };
  await page.locator('#files').setInputFiles(file('wrong.txt', 4_000_000));
  await page.getByText('Sealing wrong.txt', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Sealing', { exact: false }).waitFor({ state: 'detached' });
  t.equal(await page.getByRole('alert').locator('.note').count(), 0, 'who cancels, knows');
  // Long enough under way to be seen; then there is no need to wait for it.
  await page.locator('#files').setInputFiles(file('first.txt', 4_000_000));
  await page.getByText('Sealing first.txt', { exact: false }).waitFor();
  await page.locator('#files').setInputFiles(file('second.txt', 5));
  await network.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 });
  await bubble(page, 'second.txt').getByText('Delivered').waitFor();
  const { messages } = await operate(alice, 'GET', '/messages');
  t.match(messages, [{ name: 'second.txt' }, { name: 'first.txt' }]);
  t.equal(messages.length, 2, 'of the one that was called back nothing is there');
}

/** A page that nobody looks at tells in its title what waits. */
async function countsInTitle(t: Test, page: Page, bob: PeerProcess): Promise<void> {
  await page.clock.install();
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: true })`);
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: `${ARABIC} (2)`, wait: 60 });
  t.notMatch(await page.title(), /1/, 'it holds no connection');
  await page.clock.fastForward(61_000);
  const counts = async () => (await page.title()).startsWith('(1)') || undefined;
  await until('the title counts', counts);
}

t.test('whatever a meeting fails by, a person reads what to do', async (t) => {
  const { standing } = await import(new URL('../../src/web/words.js', import.meta.url).href);
  const said = new Set<string>();
  for (const failure of Object.keys(FAILURES)) {
    const at = { name: 'bob', address: 'http://127.0.0.1:1', failure };
    const words = standing({ ...at, state: 'waiting' });
    t.equal(words.tone, 'bad', failure);
    t.match(words.todo, /\w{3}.*\./, failure);
    t.notMatch(words.todo, /POST|undefined|sotto /, failure);
    said.add(words.todo);
    const kept = standing({ ...at, state: 'paired', verified: true });
    t.ok(kept.todo.includes(words.todo), 'also where the keys from before hold');
  }
  t.equal(said.size, Object.keys(FAILURES).length, 'each has words of its own');
});

/** All that the protocol knows; the compiler misses one that is added. */
const FAILURES: Readonly<Record<Exclude<MeetingFailure, 'forgotten'>, true>> = {
  cannot_be_called: true,
  code_needed: true,
  unanswered: true,
  stale: true,
  attempts_used: true,
  forbidden: true,
  own_key: true,
  key_of_another: true,
  key_changed: true,
};
