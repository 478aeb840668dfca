/**
 * Goal: a person who only has a browser can pair, compare, write, open, send files, watch sensors
 * and protect the peer's data, also by keyboard and on a phone; axe finds nothing serious.
 * Method: real Chromium on two real peers, each its own process with a token. A machine without
 * Chromium is told what was left out.
 */
import { readFileSync } from 'node:fs';
import jsQR from 'jsqr';
import type { Page } from 'playwright-core';
import t from 'tap';
import { decodePng } from '../../src/stego/coder.ts';
import { namelessNodes, overflows, PHONE, seriousFaults } from '../support/browser.ts';
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

inBrowser('two people pair, compare, write and open, by keyboard and mouse', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  const [hers, his] = [await enter(alice), await enter(bob, PHONE)];

  // By address: both send keys, and both pages show the same six digits.
  await hers.page.getByLabel('Name', { exact: true }).fill('bob');
  await hers.page.getByLabel('Address').fill(bob.origin);
  await hers.page.getByLabel('Address').press('Enter');
  await hers.page.getByText('Waiting for them', { exact: true }).waitFor();
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
  t.equal(await placeOf(hers.page), 'article', 'a button that is used up leaves the focus near');

  await goTo(hers.page, 'Messages');
  await hers.page.getByLabel('Message to bob').fill('see you at <b>nine</b>');
  await hers.page.getByLabel('Message to bob').press('Enter');
  await bubble(hers.page, 'see you at <b>nine</b>').getByText('Delivered').waitFor();

  // His page hears of it by itself; sealed until he opens it, and there for good after that.
  await his.page.getByRole('status').getByText('1 sealed message from alice.').waitFor();
  await goTo(his.page, 'Messages');
  t.equal(await his.page.getByText('see you at').count(), 0, 'sealed');
  await his.page.getByRole('button', { name: 'Open', exact: true }).press('Enter');
  await bubble(his.page, 'see you at <b>nine</b>').waitFor();
  t.equal(await placeOf(his.page), 'article');
  await his.page.reload();
  await bubble(his.page, 'see you at <b>nine</b>').waitFor();
  t.notOk(await overflows(his.page), 'a phone does not scroll sideways');
  t.strictSame(await seriousFaults(his.page), []);

  // She wants to meet anew: his page answers that, and does not only renew the keys.
  await operate(alice, 'POST', '/send_keys', { to: 'bob', again: true });
  await goTo(his.page, 'Pair');
  await his.page.getByRole('button', { name: 'Send keys to alice' }).click();
  await his.page.getByText('Somebody wants to meet').waitFor({ state: 'detached' });
  t.strictSame([...hers.complaints, ...his.complaints], []);
});

inBrowser('every control is reached by Tab, is seen there, and has a name', async (t, browser) => {
  const { alice, bob, enter } = await setStage(t, browser);
  await meet(alice, bob);
  await operate(bob, 'POST', '/send_msg', { to: 'alice', text: 'hello', wait: 60 });
  const { page } = await enter(alice);
  // Colours that are on their way from one theme to the other are those of neither.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const view of ['Pair', 'Messages', 'Sensors', 'This peer'] as const) {
    await goTo(page, view);
    // What is still being loaded cannot be counted.
    await page.getByText(LOADED[view]).first().waitFor();
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
    t.strictSame(await namelessNodes(page), [], `${view}: to a screen reader`);
    t.strictSame(await seriousFaults(page), [], view);
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

/** What stands on a view once it has all that it asks for. */
const LOADED = {
  Pair: 'Verified',
  Messages: /^Sealed/,
  Sensors: 'No readings yet',
  'This peer': 'Save a backup',
} as const;

/** The element that has the focus. */
const placeOf = (page: Page): Promise<string> => page.evaluate('document.activeElement.localName');

/** What can be operated and is visible; runs in the page. */
const CONTROLS = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
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
  t.equal(scanned(await qr.screenshot()), code, 'a camera reads the same');
  const form = his.page.locator('form', { hasText: 'Enter a pairing code' });
  await form.getByLabel('Code from the other side').fill('nonsense');
  await form.getByRole('button', { name: 'Pair' }).click();
  await form
    .getByRole('alert')
    .getByText(/not a whole pairing code/)
    .waitFor();
  const own = hers.page.locator('form', { hasText: 'Enter a pairing code' });
  await own.getByLabel('Code from the other side').fill(code ?? '');
  await own.getByRole('button', { name: 'Pair' }).click();
  await own.getByText('This leads to this very peer.', { exact: false }).waitFor();
  const { code: hisCode = '' } = await operate(bob, 'POST', '/pair');
  await form
    .getByLabel('Code from the other side')
    .fill(hisCode.replace(/@.*/, `@${alice.origin}`));
  await form.getByRole('button', { name: 'Pair' }).click();
  await form.getByText('has not taken this code', { exact: false }).waitFor();
  t.equal(await his.page.locator('.code').count(), 0, 'and there is nothing to compare');
  await form.getByLabel('Code from the other side').fill(code ?? '');
  await form.getByLabel(/What you call them/).fill('Alice at the door');
  await form.getByRole('button', { name: 'Pair' }).click();
  for (const { page } of [hers, his])
    await page.locator('.chip', { hasText: 'Verified' }).waitFor();
  await his.page.getByRole('heading', { name: 'Alice at the door' }).waitFor();
  t.equal(await hers.page.locator('.pairing-text').count(), 0, 'a used code is gone');
  t.strictSame([...hers.complaints, ...his.complaints], []);
});

/** What a camera reads of a picture; undefined if nothing. */
function scanned(png: Uint8Array): string | undefined {
  const { width, height, planes } = decodePng(png).picture;
  const pixels = Uint8ClampedArray.from({ length: width * height * 4 }, (_, at) =>
    at % 4 === 3 ? 255 : (planes[at % 4]?.[at >> 2] ?? 0),
  );
  const read = jsQR as unknown as typeof jsQR.default;
  return read(pixels, width, height)?.data;
}

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
    await hers.page.evaluate(dropFile('.talk-list'));
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
    const headers = { 'content-type': 'application/octet-stream' };
    await alice.call('POST', '/packets', { headers, body: Uint8Array.of(0, 3, 1, 2, 3) });
    await goTo(hers.page, 'This peer');
    await hers.page.getByRole('row', { name: /^bob .* 1 2\.9 MB$/ }).waitFor();
    await hers.page.getByRole('row', { name: 'Not in the form that the protocol has 1' }).waitFor();
    t.strictSame([...hers.complaints, ...his.complaints], []);
  },
);

/** Runs in the page. */
const dropFile = (place: string) => `(() => {
  const data = new DataTransfer();
  data.items.add(new File(['by hand'], 'dropped.txt', { type: 'text/plain' }));
  const composer = document.querySelector('${place}');
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
        { name: 'reset_reason', unit: 'count', value: 1, at: at(past) },
        { name: 'tag_failures', unit: 'count', value: 1, at: at(past) },
      ]),
    );
    await leaveInOutbox(bob, 'alice', packs);
    await bob.start();
    const chart = page.locator('.chart', { hasText: 'Temperature, BMP280' });
    await chart.locator('canvas').waitFor();
    await chart.getByText('Between 20.1 and 24.0 °C', { exact: true }).waitFor();
    t.match(await page.locator('.chart', { hasText: 'Air pressure' }).textContent(), /1,013.3/);
    await page.locator('.tile.worry', { hasText: 'Key errors' }).waitFor();
    const runs: number = await page.evaluate(INK_RUNS);
    t.equal(runs, 3, 'three stretches, and nothing between them');
    await page.locator('.tile', { hasText: 'Last reset' }).getByText('Power on').waitFor();
    await page.getByText('made with another key', { exact: false }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as CSV' }).click();
    const csv = readFileSync(await (await download).path(), 'utf8');
    t.match(csv, /^device,name,unit,at/);
    t.equal(csv.trim().split('\r\n').length, 1 + 5 * minutes.length);
    await page.getByLabel('24 hours').check();
    await chart.locator('canvas').waitFor();
    const ofDay = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as CSV' }).click();
    t.equal(readFileSync(await (await ofDay).path(), 'utf8'), csv, 'a day holds the same');
    t.strictSame(await seriousFaults(page), []);
    t.strictSame(complaints, []);
  },
);

/** How many stretches of the first chart have its line's colour in them; runs in the page. */
const INK_RUNS = `(() => {
  const canvas = document.querySelector('.chart canvas');
  const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'var(--accent)';
  const accent = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  let runs = 0;
  let was = false;
  for (let x = 0; x < width; x += 1) {
    let is = false;
    for (let y = 0; y < height; y += 1) {
      const at = 4 * (y * width + x);
      is ||= data[at + 3] > 99 && accent.every((value, index) => Math.abs(value - data[at + index]) < 40);
    }
    if (is && !was) runs += 1;
    was = is;
  }
  return runs;
})()`;

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
  const copy = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save a backup' }).click();
  const tar = readFileSync(await (await copy).path());
  t.ok(tar.includes('peer.db') && tar.includes('ustar'), 'as `sotto backup` makes it');
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
