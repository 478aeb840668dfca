/**
 * Goal: nobody but a peer's own person gets anything by its page: not a contact who writes scripts
 * into all that is shown, not somebody without the token, not another site that is open beside it.
 * Method: real Chromium on two real peers, each its own process with a token. A machine without
 * Chromium is told what was left out.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t from 'tap';
import { concat } from '../../src/bytes.ts';
import { encodeFileHead, encodeText } from '../../src/protocol/index.ts';
import { DESK, openWindow, PHONE, seriousFaults } from '../support/browser.ts';
import {
  browserTests,
  bubble,
  goTo,
  leaveInOutbox,
  meet,
  operate,
  readings,
  setStage,
} from './support.ts';

const inBrowser = await browserTests(t);

/** 37 bytes: a name holds 64. */
const EVIL = `"><img src=x onerror=window.harm=1>'`;

/** What alice calls herself. */
const OTHER = '<img src=y onerror=window.harm=2>';

inBrowser(
  'a script in any name, text, file name or sensor field stays text',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser, { alice: OTHER, bob: EVIL });
    const { page, complaints } = await enter(alice);
    await operate(bob, 'POST', '/send_keys', { to: OTHER, address: alice.origin });
    await page.getByText('They call themselves').waitFor();
    t.strictSame(await harm(page), [], 'who waits');
    await meet(alice, bob);
    await bob.stop();
    const now = new Date();
    const value = { value: 1, at: now };
    await leaveInOutbox(bob, OTHER, [
      encodeText(EVIL),
      concat(encodeFileHead({ name: `${EVIL}.txt`, mediaType: EVIL }), Uint8Array.of(1)),
      readings([
        { ...value, name: EVIL, unit: EVIL },
        { ...value, name: '__proto__', unit: 'constructor' },
        { ...value, name: 'toString', unit: 'count' },
      ]),
    ]);
    await bob.start();
    await page
      .getByRole('status')
      .getByText(/2 sealed messages/)
      .waitFor();
    for (const view of ['Pair', 'Messages', 'Sensors', 'This peer'] as const) {
      await goTo(page, view);
      if (view === 'Messages') {
        await page.getByRole('button', { name: 'Open all 2' }).click();
        await bubble(page, EVIL).first().waitFor();
        t.equal(await bubble(page, EVIL).count(), 2, 'both are shown as they are');
      }
      if (view === 'Sensors') await page.getByText(EVIL).first().waitFor();
      t.strictSame(await harm(page), [], view);
    }
    t.strictSame(complaints, []);
    const forced = await page.evaluate(
      `try { document.body.innerHTML = '<b>x'; 'made markup' } catch (error) { error.name }`,
    );
    t.equal(forced, 'TypeError', 'not even our own script could make markup of a text');
  },
);

/** What a text has become that is not text. */
function harm(page: Page): Promise<string[]> {
  return page.evaluate(
    `[...document.querySelectorAll('img:not([src="/web/icon.svg"]), script:not([src]):not([type=importmap]), [onerror], [onload]')]
      .map((element) => element.outerHTML).concat(window.harm ? ['it ran'] : [])`,
  );
}

inBrowser(
  'without the token, or with a wrong one, the public part and the way in',
  async (t, browser) => {
    const { alice, bob } = await setStage(t, browser);
    await meet(alice, bob);
    for (const path of ['/', '/?token=wrong', '/#/messages/bob']) {
      const { page, context } = await openWindow(browser, PHONE);
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.goto(`${alice.origin}${path}`);
      await page.getByRole('heading', { name: 'alice', level: 1 }).waitFor();
      t.notMatch(await page.textContent('body'), /bob/, path);
      t.equal(asked.filter((one) => /^\/(messages|events|identity|sensor)/.test(one)).length, 0);
      if (path.includes('wrong'))
        await page.getByText('new after each start', { exact: false }).first().waitFor();
      t.strictSame(await seriousFaults(page), []);
      await page.getByLabel('Link or token').fill('not it');
      await page.getByRole('button', { name: 'Open' }).click();
      await page
        .getByRole('alert')
        .getByText(/not the link of this run/)
        .waitFor();
      await page.getByLabel('Link or token').fill(alice.pageLink);
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByRole('link', { name: 'This peer' }).waitFor();
      t.notMatch(page.url(), /token/);
      const [cookie] = await context.cookies();
      t.match(cookie, { httpOnly: true, sameSite: 'Strict' });
      t.equal(await page.evaluate('document.cookie'), '', 'no script sees it');
      await context.close();
    }
  },
);

inBrowser(
  'a peer that is started anew asks for its new link, once for all windows of a browser',
  async (t, browser) => {
    const { alice, enter } = await setStage(t, browser);
    const { page, context } = await enter(alice, DESK);
    const other = await context.newPage();
    await other.goto(`${alice.origin}/#/messages`);
    await other.getByRole('heading', { name: 'Messages' }).waitFor();
    await alice.stop();
    for (const window of [page, other]) await window.getByText('Peer is away').waitFor();
    await alice.start();
    await other.getByRole('heading', { name: 'Is it yours?' }).waitFor();
    await page.getByLabel('Link or token').fill(alice.token);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('Live').waitFor();
    await other.getByRole('heading', { name: 'Messages' }).waitFor();
    await goTo(page, 'This peer');
    await page.getByRole('button', { name: 'Sign out' }).click();
    for (const window of [page, other]) {
      await window.getByRole('heading', { name: 'Is it yours?' }).waitFor();
      t.notMatch(await window.textContent('body'), /Nobody to write to/);
    }
  },
);

inBrowser('another site can neither send, open, read nor frame', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  await meet(alice, bob);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: 'sealed', wait: 60 });
  const { page, context } = await enter(alice);
  const evil = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(attack(alice.origin));
  }).listen(0, '127.0.0.1');
  t.teardown(() => evil.close());
  await once(evil, 'listening');
  const { port } = evil.address() as AddressInfo;
  // The same site by name and another by name: the cookie of the first would be sent along.
  for (const host of ['127.0.0.1', 'localhost']) {
    const other = await context.newPage();
    await other.goto(`http://${host}:${port}/`);
    await other.waitForFunction('window.finished === true');
    t.equal(await other.evaluate('window.read'), '', `${host} reads nothing`);
    await other.close();
  }
  // Nor can a link that the person follows; but the person is told, in words.
  const led = await context.newPage();
  await led.goto(`http://localhost:${port}/`);
  await led.evaluate(`location.href = '${alice.origin}/send_msg?text=led'`);
  await led.getByText('Nothing was done.', { exact: false }).waitFor();
  t.strictSame(await seriousFaults(led), []);
  await led.getByRole('link', { name: 'Open the page of this peer' }).click();
  await led.getByRole('heading', { name: 'Pair', level: 1 }).waitFor();
  await led.close();
  const { messages } = await operate(alice, 'GET', '/messages');
  t.match(messages, [{ direction: 'in', state: 'sealed' }], 'nothing was sent, nothing opened');
  t.match(await operate(alice, 'GET', '/contacts'), [{ name: 'bob', verified: true }]);
  await page.getByText('Verified', { exact: true }).waitFor();
});

/** A page that tries all it can against a peer that the person has open beside it. */
function attack(origin: string): string {
  return `<!doctype html><iframe src="${origin}/"></iframe><img src="${origin}/send_msg?text=img">
<form id="f" method="post" action="${origin}/send_msg" target="hole" enctype="text/plain">
<input name='{"text":"form","x":"' value='"}'></form><iframe name="hole"></iframe><script>
window.read = '';
const all = [];
for (const [method, path, body] of [['POST', '/send_msg', '{"text":"fetch"}'], ['GET', '/send_msg?text=get'],
  ['POST', '/decrypt_msg', '{}'], ['POST', '/messages/1/open'], ['DELETE', '/contacts/bob'], ['GET', '/show'],
  ['GET', '/messages'], ['POST', '/session', '{}']]) {
  for (const mode of ['cors', 'no-cors']) {
    if (mode === 'no-cors' && method === 'DELETE') continue;
    all.push(fetch('${origin}' + path, { method, body, mode, credentials: 'include' })
      .then((r) => r.text()).then((text) => { window.read += text; }, () => {}));
  }
}
const source = new EventSource('${origin}/events', { withCredentials: true });
source.onmessage = (event) => { window.read += event.data; };
document.getElementById('f').submit();
Promise.all(all).then(() => setTimeout(() => { window.finished = true; }, 300));
</script>`;
}
