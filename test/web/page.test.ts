/**
 * Goal: a person who only has a browser can pair, compare, write, open, send files and watch
 * sensors; and nobody else can do anything by it.
 * Method: real Chromium on two real peers, each its own process with a token. A machine without
 * Chromium is told what was left out.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import {
  browserMissing,
  DESK,
  openBrowser,
  openWindow,
  overflows,
  PHONE,
  seriousFaults,
} from '../support/browser.ts';
import { goTo, leaveInOutbox, meet, operate, readings, setStage } from './support.ts';

const missing = browserMissing();
if (missing !== undefined) {
  t.comment(missing);
  console.error(missing);
}
const browser = missing === undefined ? await openBrowser(t) : undefined;
const inBrowser = (says: string, body: (t: Test, browser: Browser) => Promise<void>) => {
  if (browser !== undefined) t.test(says, (t) => body(t, browser));
};

const bubble = (page: Page, text: string) => page.locator('.bubble', { hasText: text });

inBrowser('two people pair, compare, write and open, by keyboard and mouse', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  const [hers, his] = [await enter(alice), await enter(bob, PHONE)];

  // By address: both send keys, and both pages show the same six digits.
  await hers.page.getByLabel('Name', { exact: true }).fill('bob');
  await hers.page.getByLabel('Address').fill(bob.origin);
  await hers.page.getByLabel('Address').press('Enter');
  await hers.page.getByText('Waiting for bob', { exact: true }).waitFor();
  await his.page.getByRole('button', { name: 'Send keys to alice' }).click();
  const [code, same] = await Promise.all(
    [hers, his].map(({ page }) => page.locator('.code [aria-hidden]').textContent()),
  );
  t.match(code, /^\d{3} \d{3}$/);
  t.equal(code, same);

  // Nothing goes before they have compared; the page says why, and what to do.
  await goTo(hers.page, 'Messages');
  await hers.page.getByLabel('Message to bob').fill('too early');
  await hers.page.getByLabel('Message to bob').press('Enter');
  await hers.page
    .getByRole('alert')
    .getByText(/Compare the six digits/)
    .waitFor();
  t.strictSame(await seriousFaults(hers.page), []);

  await goTo(hers.page, 'Pair');
  t.strictSame(await seriousFaults(hers.page), []);
  for (const { page } of [hers, his]) {
    await page.getByRole('button', { name: 'They match' }).press('Enter');
    await page.locator('.chip', { hasText: 'Verified' }).waitFor();
  }

  await goTo(hers.page, 'Messages');
  await hers.page.getByLabel('Message to bob').fill('see you at <b>nine</b>');
  await hers.page.getByLabel('Message to bob').press('Enter');
  await bubble(hers.page, 'see you at <b>nine</b>').getByText('Delivered').waitFor();

  // His page hears of it by itself; sealed until he opens it, and there for good after that.
  await his.page.getByRole('status').getByText('1 sealed message from alice.').waitFor();
  await goTo(his.page, 'Messages');
  t.equal(await his.page.getByText('see you at').count(), 0, 'sealed');
  await his.page.getByRole('button', { name: 'Open', exact: true }).click();
  await bubble(his.page, 'see you at <b>nine</b>').waitFor();
  await his.page.reload();
  await bubble(his.page, 'see you at <b>nine</b>').waitFor();
  t.notOk(await overflows(his.page), 'a phone does not scroll sideways');
  t.strictSame(await seriousFaults(his.page), []);
  t.strictSame([...hers.complaints, ...his.complaints], []);
});

inBrowser('a pairing code, its text and its QR, verifies both at once', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  const [hers, his] = [await enter(alice), await enter(bob)];
  await hers.page.getByRole('button', { name: 'Make a pairing code' }).click();
  const code = await hers.page.locator('.pairing-text').textContent();
  const qr = hers.page.getByRole('img', { name: 'The pairing code as a QR code' });
  t.ok((await qr.locator('path').getAttribute('d'))?.startsWith('M3 3h1v1h-1z'));
  const form = his.page.locator('form', { hasText: 'Enter a pairing code' });
  await form.getByLabel('Code from the other side').fill('nonsense');
  await form.getByRole('button', { name: 'Pair' }).click();
  await form
    .getByRole('alert')
    .getByText(/not a whole pairing code/)
    .waitFor();
  await form.getByLabel('Code from the other side').fill(code ?? '');
  await form.getByLabel(/What you call them/).fill('Alice at the door');
  await form.getByRole('button', { name: 'Pair' }).click();
  for (const { page } of [hers, his])
    await page.locator('.chip', { hasText: 'Verified' }).waitFor();
  await his.page.getByRole('heading', { name: 'Alice at the door' }).waitFor();
  t.equal(await hers.page.locator('.pairing-text').count(), 0, 'a used code is gone');
  t.strictSame([...hers.complaints, ...his.complaints], []);
});

inBrowser('codes that differ end it; a contact that is removed is gone', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  const { page, complaints } = await enter(alice);
  await operate(alice, 'POST', '/send_keys', { to: 'bob', address: bob.origin });
  await operate(bob, 'POST', '/send_keys', { to: 'alice', address: alice.origin });
  await page.getByRole('button', { name: 'They differ' }).click();
  await page.getByText('Not met yet').waitFor();
  const { contacts } = await operate(alice, 'GET', '/show');
  t.match(contacts, [{ name: 'bob', public_key: undefined, verified: false }]);
  await page.getByText('Fingerprint and more').click();
  await page.getByRole('button', { name: 'Remove…' }).click();
  await page.getByRole('button', { name: 'Yes, remove bob' }).click();
  await page.getByRole('heading', { name: 'Nobody yet' }).waitFor();
  t.strictSame(complaints, []);
});

inBrowser(
  'files by button and by drop, with progress, and saved on the other side',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser);
    await meet(alice, bob);
    const [hers, his] = [await enter(alice), await enter(bob)];
    await goTo(hers.page, 'Messages');
    const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31) % 251));
    const file = { name: 'größe ‮x.pdf', mimeType: 'application/pdf', buffer: bytes };
    await hers.page.locator('#files').setInputFiles(file);
    await bubble(hers.page, 'x.pdf').getByText('Delivered').waitFor();
    await hers.page.evaluate(dropFile);
    await bubble(hers.page, 'dropped.txt').getByText('Delivered').waitFor();

    await goTo(his.page, 'Messages');
    await his.page.getByRole('button', { name: 'Open all 2' }).click();
    const download = his.page.waitForEvent('download');
    await his.page.getByRole('link', { name: /^Save .*pdf/ }).click();
    const saved = readFileSync(await (await download).path());
    t.ok(saved.equals(bytes));
    await bubble(his.page, 'dropped.txt').waitFor();

    // While bob is away it waits here; when he is back it goes by itself.
    await bob.stop();
    const large = { ...file, name: 'scan.tiff', buffer: Buffer.alloc(3_000_000) };
    await hers.page.locator('#files').setInputFiles(large);
    await bubble(hers.page, 'scan.tiff')
      .getByText(/Queued/)
      .waitFor();
    await bubble(hers.page, 'scan.tiff').getByRole('progressbar').waitFor();
    t.strictSame([...hers.complaints, ...his.complaints], []);
  },
);

/** Runs in the page. */
const dropFile = `(() => {
  const data = new DataTransfer();
  data.items.add(new File(['by hand'], 'dropped.txt', { type: 'text/plain' }));
  const composer = document.querySelector('.composer');
  composer.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
  composer.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
})()`;

inBrowser(
  'sensors draw themselves as readings come, and leave a gap where none came',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser);
    await meet(alice, bob);
    const { page, complaints } = await enter(alice);
    await goTo(page, 'Sensors');
    await page.getByRole('heading', { name: 'No readings yet' }).waitFor();
    await bob.stop();
    const now = Date.now();
    const at = (minutes: number) => new Date(now - minutes * 60_000);
    const minutes = [40, 39, 38, 37, 20, 19, 18, 1];
    const packs = minutes.map((past) =>
      readings([
        { name: 'temp_bmp', unit: 'Cel', value: 20 + past / 10, at: at(past) },
        { name: 'pressure_bmp', unit: 'Pa', value: 101_325, at: at(past) },
        { name: 'line_errors', unit: 'count', value: 3, at: at(past) },
        { name: 'tag_failures', unit: 'count', value: 1, at: at(past) },
      ]),
    );
    await leaveInOutbox(bob, 'alice', packs);
    await bob.start();
    const chart = page.locator('.chart', { hasText: 'Temperature, BMP280' });
    await chart.locator('canvas').waitFor();
    await chart.getByText('20.1 to 24 °C', { exact: true }).waitFor();
    t.match(await page.locator('.chart', { hasText: 'Air pressure' }).textContent(), /1,013.3/);
    await page.locator('.tile.worry', { hasText: 'Key errors' }).waitFor();
    t.ok(await page.evaluate(`(${inkOf})('canvas')`), 'a line is drawn');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as CSV' }).click();
    const csv = readFileSync(await (await download).path(), 'utf8');
    t.match(csv, /^device,name,unit,at/);
    t.equal(csv.trim().split('\r\n').length, 1 + 4 * minutes.length);
    await page.getByLabel('24 hours').check();
    await chart.locator('canvas').waitFor();
    t.strictSame(await seriousFaults(page), []);
    t.strictSame(complaints, []);
  },
);

/** Whether a canvas has anything on it; runs in the page. */
const inkOf = `(selector) => {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value) => value > 0);
}`;

inBrowser('passphrase and identity: wrong ones in words, right ones hold', async (t, browser) => {
  const { alice, enter } = await setStage(t, browser);
  const { page, complaints } = await enter(alice);
  await goTo(page, 'This peer');
  const set = page
    .locator('form', { hasText: 'Opens the data' })
    .or(page.locator('form', { hasText: 'stolen disk' }));
  await set.getByLabel('New passphrase').fill('open sesame');
  await set.getByLabel('Once more').fill('open sesam');
  await set.getByRole('button').click();
  await set.getByText('not the same').waitFor();
  await set.getByLabel('Once more').fill('open sesame');
  await set.getByRole('button').click();
  await page.getByText('The new passphrase holds.', { exact: false }).waitFor();
  const save = page.locator('form', { hasText: 'Back up the identity' });
  const fill = async (present: string) => {
    await save.getByLabel('Present passphrase').fill(present);
    await save.getByLabel('Passphrase for the file').fill('another');
    await save.getByLabel('Once more').fill('another');
    await save.getByRole('button').click();
  };
  await fill('wrong');
  await save.getByText('That is not the present passphrase.', { exact: false }).waitFor();
  const download = page.waitForEvent('download');
  await fill('open sesame');
  t.match(JSON.parse(readFileSync(await (await download).path(), 'utf8')), {
    kind: 'sotto identity',
  });
  t.strictSame(await seriousFaults(page), []);
  t.strictSame(complaints, []);
});

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
  'a peer that is started anew asks for its new link; one that is away is waited for',
  async (t, browser) => {
    const { alice, enter } = await setStage(t, browser);
    const { page } = await enter(alice, DESK);
    await alice.stop();
    await page.getByText('Peer is away').waitFor();
    await alice.start();
    await page.getByLabel('Link or token').fill(alice.token);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('Live').waitFor();
    await goTo(page, 'This peer');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Is it yours?' }).waitFor();
  },
);

inBrowser('another site can neither send, open, read nor frame', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  await meet(alice, bob);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: 'sealed', wait: 5 });
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
