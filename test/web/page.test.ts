/**
 * Goal: a person who only has a browser can pair, compare, write, open, send files, watch sensors
 * and protect the peer's data, also by keyboard and on a phone; axe finds nothing serious.
 * Method: real Chromium on two real peers, each its own process with a token. A machine without
 * Chromium is told what was left out.
 */

import { readFileSync } from 'node:fs';
import t from 'tap';
import { overflows, PHONE, seriousFaults } from '../support/browser.ts';
import {
  browserTests,
  bubble,
  goTo,
  inkOf,
  leaveInOutbox,
  meet,
  operate,
  readings,
  setStage,
} from './support.ts';

const inBrowser = await browserTests(t);

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

inBrowser('every control is reached by Tab, is seen there, and has a name', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  await meet(alice, bob);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: 'hello', wait: 5 });
  const { page } = await enter(alice);
  for (const view of ['Pair', 'Messages', 'Sensors', 'This peer'] as const) {
    await goTo(page, view);
    await page.evaluate('document.activeElement?.blur()');
    const controls: number = await page.evaluate(`${CONTROLS}.length`);
    const reached = new Map<number, { readonly name: string; readonly outline: number }>();
    for (let step = 0; step < controls + 3; step += 1) {
      await page.keyboard.press('Tab');
      const at: { index: number; name: string; outline: number } = await page.evaluate(FOCUSED);
      if (at.index >= 0) reached.set(at.index, at);
    }
    t.equal(reached.size, controls, `${view}: all ${controls} are reached`);
    t.ok(controls > 4, view);
    for (const { name, outline } of reached.values()) {
      t.not(name, '', `${view}: a control has a name`);
      t.ok(outline >= 2, `${view}: ${name} is seen`);
    }
  }
  // From the first Tab one can skip what stands on every view.
  await goTo(page, 'Pair');
  await page.reload();
  await page.getByRole('heading', { name: 'Pair', level: 1 }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate('document.activeElement.textContent'), 'Pair');
});

/** What can be operated and is visible; runs in the page. */
const CONTROLS = `[...document.querySelectorAll('a[href], button, input, textarea, summary, [tabindex="0"]')]
  .filter((one) => one.tabIndex >= 0 && one.checkVisibility() && !one.disabled)
  .filter((one) => one.type !== 'radio' || one.checked)`;

const FOCUSED = `(() => {
  const one = document.activeElement;
  const box = one.closest('label.chosen') ?? one;
  const name = one.ariaLabel || one.labels?.[0]?.textContent || one.textContent || one.title;
  const style = getComputedStyle(box);
  const outline = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
  return { index: ${CONTROLS}.indexOf(one), name: name.trim(), outline };
})()`;

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
