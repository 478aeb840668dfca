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
import { openStore } from '../../src/store/index.ts';
import { namelessNodes, openWindow, overflows, PHONE, seriousFaults } from '../support/browser.ts';
import { silentLog } from '../support/http.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { browserTests, goTo, meet, operate, setStage } from './support.ts';

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

async function crowdedPeer(t: Test, browser: Browser): Promise<PeerProcess> {
  const { alice, bob } = await setStage(t, browser);
  await meet(alice, bob);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: `${ARABIC} (2)`, wait: 5 });
  await alice.stop();
  await haveMet(alice, NAMES);
  await alice.start();
  return alice;
}

inBrowser(
  'many contacts with long names leave a phone usable, in both themes',
  async (t, browser) => {
    const alice = await crowdedPeer(t, browser);
    for (const scheme of ['dark', 'light'] as const) {
      const { page, complaints } = await openWindow(browser, { ...PHONE, scheme });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.goto(alice.pageLink);
      await page.getByRole('heading', { name: ARABIC, level: 3 }).waitFor();
      for (const view of VIEWS) {
        await goTo(page, view);
        t.notOk(await overflows(page), `${view}: no scrolling sideways`);
        t.strictSame(await seriousFaults(page), [], `${view}, ${scheme}`);
        t.strictSame(await namelessNodes(page), [], view);
      }
      await goTo(page, 'Messages');
      t.ok(await isOnTop(page, '.composer .primary'), 'nothing lies over the button that sends');
      t.strictSame(complaints, []);
      await page.context().close();
    }
  },
);
