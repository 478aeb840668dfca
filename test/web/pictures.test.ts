/**
 * Goal: a person hides a message in a picture by the page, having seen what that does to it; the
 * other side opens it and has the cover back bit for bit.
 * Method: real Chromium on two real peers, each its own process with a token. A machine without
 * Chromium is told what was left out.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { decodePng, encodePng, phantom } from '../../src/stego/coder.ts';
import * as build from '../stego/support/png-files.ts';
import { overflows, PHONE, seriousFaults } from '../support/browser.ts';
import { browserTests, bubble, goTo, inkOf, meet, operate, setStage } from './support.ts';

const inBrowser = await browserTests(t);

t.test('the page reads the samples of every kind of PNG as the peer does', async (t) => {
  const { samplesOf } = await import(new URL('../../src/web/png.js', import.meta.url).href);
  const byte = (x: number, y: number, at: number) =>
    Math.imul(x * 31 + y * 57 + at * 7, 40_503) >> 6;
  const colourTypes = { 0: 1, 2: 3, 4: 2, 6: 4 };
  for (const [type, channels] of Object.entries(colourTypes)) {
    for (const [depth, interlace] of [
      [8, 0],
      [8, 1],
      [16, 0],
      [16, 1],
    ] as const) {
      const head = { width: 11, height: 13, depth, type: Number(type), interlace };
      const rows = build.filteredRows(head, (channels * depth) / 8, byte, [0, 1, 2, 3, 4]);
      const file = build.file(head, rows);
      const { planes } = decodePng(file).picture;
      const colours = planes.slice(0, channels > 2 ? 3 : 1);
      const expected = Array.from(planes[0] ?? [], (_, at) => colours.map((plane) => plane[at]));
      const read = await samplesOf(new Blob([Buffer.from(file)]));
      t.strictSame([read.depth, [...read.samples]], [depth, expected.flat()], `${type} ${depth}`);
    }
  }
});

function cover(size: number, seed: number, depth: 8 | 16 = 8) {
  const picture = phantom({ size, depth, seed });
  const buffer = Buffer.from(encodePng(picture, { before: [], after: [] }));
  return { name: `head-${seed}.png`, mimeType: 'image/png', buffer };
}

inBrowser(
  'a text travels in a picture, previewed, and the cover comes back',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser);
    await meet(alice, bob);
    const [hers, his] = [await enter(alice), await enter(bob, PHONE)];
    await goTo(hers.page, 'Messages');
    await hers.page.getByLabel('Message to bob').fill('under the skin');
    await hers.page.getByRole('button', { name: 'In a picture', exact: true }).click();
    const panel = hers.page.getByRole('dialog', { name: 'In a picture' });
    const field = panel.getByLabel('Cover (PNG)');

    const send = panel.getByRole('button', { name: 'Send in the picture' });
    await refusesCovers(t, panel);
    await previewsDeepSamples(panel);
    const original = cover(200, 2);
    await field.setInputFiles(original);
    await panel.getByText('200 × 200 pixels').waitFor();
    await panel.getByText(/the text has 14 bytes/).waitFor();
    await panel.getByText(/about \d+\.\d dB/).waitFor();
    await panel.getByRole('button', { name: 'Preview' }).click();
    await panel.getByRole('img', { name: 'The picture after' }).waitFor();
    const histograms = panel.getByRole('img', { name: 'Both histograms over each other' });
    await histograms.locator('canvas').waitFor();
    await panel
      .getByRole('img', { name: /after than before/ })
      .locator('canvas')
      .waitFor();
    t.ok(await hers.page.evaluate(`(${inkOf})('dialog canvas')`), 'both histograms are drawn');
    t.match(await panel.locator('.chart-value').textContent(), /^\d{2}\.\d dB PSNR$/);
    t.match(
      await panel.textContent(),
      /[1-9]\d* of 40,000 samples differ, none by more than 1 of 255/,
    );
    t.strictSame(await seriousFaults(hers.page), []);
    await send.click();
    await bubble(hers.page, 'under the skin').getByText('Delivered').waitFor();
    await bubble(hers.page, 'under the skin').getByText('in a picture').waitFor();

    await goTo(his.page, 'Messages');
    await his.page.getByRole('button', { name: 'Open', exact: true }).click();
    await bubble(his.page, 'under the skin').waitFor();
    const download = his.page.waitForEvent('download');
    await his.page.getByRole('link', { name: 'Save the restored cover' }).click();
    const restored = decodePng(readFileSync(await (await download).path())).picture;
    const before = decodePng(original.buffer).picture;
    t.strictSame(restored.planes, before.planes, 'the very samples');
    t.notOk(await overflows(his.page));

    // The same cover once more would betray both, so it is refused, in words.
    await hers.page.getByLabel('Message to bob').fill('again');
    await hers.page.getByRole('button', { name: 'In a picture', exact: true }).click();
    await field.setInputFiles(original);
    await panel.getByText(/was used before/).waitFor();
    await hers.page.keyboard.press('Escape');
    await panel.waitFor({ state: 'hidden' });
    const place = await hers.page.evaluate('document.activeElement.ariaLabel');
    t.equal(place, 'In a picture', 'the focus is back where it was');
    t.equal(await hers.page.getByLabel('Message to bob').inputValue(), 'again', 'nothing is lost');
    t.strictSame([...hers.complaints, ...his.complaints], []);
  },
);

/** The browser's own decoder shows 8 of 16 bits, and would find no difference at all. */
async function previewsDeepSamples(panel: Locator): Promise<void> {
  await panel.getByLabel('Cover (PNG)').setInputFiles(cover(200, 4, 16));
  await panel.getByText(/about 1\d\d\.\d dB/).waitFor();
  await panel.getByRole('button', { name: 'Preview' }).click();
  await panel
    .getByText(/^[1-9][\d,]* of 40,000 samples differ, none by more than 1 of 65,535/)
    .waitFor();
}

/** What cannot be used is told in words, and nothing can be sent. */
async function refusesCovers(t: Test, panel: Locator): Promise<void> {
  const field = panel.getByLabel('Cover (PNG)');
  const send = panel.getByRole('button', { name: 'Send in the picture' });
  await field.setInputFiles({
    name: 'a.png',
    mimeType: 'image/png',
    buffer: Buffer.from('no PNG'),
  });
  await panel.getByRole('alert').waitFor();
  t.ok(await send.isDisabled());
  await field.setInputFiles(cover(16, 1));
  await panel.getByText('It does not fit.', { exact: false }).waitFor();
  t.ok(await send.isDisabled());
}

/** A file name may hold all of this. */
const EVIL = `"><img src=x onerror=window.harm=1>.png`;

/** A file travels in a cover of the folder, which is used up. */
async function sendsFile(t: Test, folder: string, hers: Page, his: Page): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [name, seed] of [
    ['a.png', 11],
    [EVIL, 12],
  ] as const) {
    writeFileSync(join(folder, name), cover(200, seed).buffer);
  }
  await hers.getByRole('button', { name: 'In a picture', exact: true }).click();
  const panel = hers.getByRole('dialog', { name: 'In a picture' });
  await panel.getByLabel('A file', { exact: true }).check();
  const plan = Buffer.from('the plan of the ward');
  const file = { name: 'plan.txt', mimeType: 'text/plain', buffer: plan };
  await panel.getByLabel('File for bob').setInputFiles(file);
  await panel.getByRole('combobox', { name: 'Cover (PNG)' }).selectOption(EVIL);
  // Two lengths, the name and the type come with a file: docs/PROTOCOL.md §8.4.
  await panel
    .getByText(`the file has ${plan.length + 2 + 8 + 10} bytes`, { exact: false })
    .waitFor();
  await panel.getByText(/about \d+\.\d dB/).waitFor();
  await panel.getByRole('button', { name: 'Preview' }).click();
  await panel.locator('canvas').first().waitFor();
  t.strictSame(await seriousFaults(hers), []);
  const body = panel.locator('.dialog-body');
  t.notOk(await body.evaluate('(body) => body.scrollWidth > body.clientWidth'));
  await panel.getByRole('button', { name: 'Send in the picture' }).click();
  await bubble(hers, 'plan.txt').getByText('Delivered').waitFor();
  // The window closes with the answer, which comes when the cover has been moved.
  await panel.waitFor({ state: 'hidden' });
  t.strictSame(readdirSync(join(folder, 'used')), [EVIL], 'the one that was chosen');

  await his.getByRole('button', { name: 'Open', exact: true }).click();
  const download = his.waitForEvent('download');
  await his.getByRole('link', { name: 'Save plan.txt' }).click();
  t.ok(readFileSync(await (await download).path()).equals(plan));
  await bubble(his, 'plan.txt').getByText('Save the restored cover').waitFor();
  t.equal(await hers.evaluate('window.harm'), undefined);
}

inBrowser(
  'a picture is carried by hand; a file travels in a cover of the folder',
  async (t, browser) => {
    const { alice, bob, enter } = await setStage(t, browser);
    await meet(alice, bob);
    const [hers, his] = [await enter(alice, PHONE), await enter(bob)];
    await goTo(hers.page, 'Messages');
    await hers.page.getByLabel('Message to bob').fill('by hand');
    await hers.page.getByRole('button', { name: 'In a picture', exact: true }).click();
    await hers.page.getByLabel('Cover (PNG)').setInputFiles(cover(200, 3));
    const download = hers.page.waitForEvent('download');
    await hers.page.getByRole('button', { name: 'Save, to carry by hand' }).click();
    const picture = readFileSync(await (await download).path());
    const { messages } = await operate(bob, 'GET', '/messages');
    t.strictSame(messages, [], 'nothing went by itself');
    await goTo(his.page, 'Messages');
    const file = { name: 'head-3.png', mimeType: 'image/png', buffer: picture };
    await his.page.locator('#letter').setInputFiles(file);
    await his.page.getByText('A letter from alice was taken', { exact: false }).waitFor();
    await his.page.getByRole('button', { name: 'Open', exact: true }).click();
    await bubble(his.page, 'by hand').getByText('in a picture').waitFor();
    await his.page.locator('#letter').setInputFiles(file);
    await his.page
      .getByRole('alert')
      .getByText(/taken before/)
      .waitFor();
    await sendsFile(t, join(alice.folder, 'covers'), hers.page, his.page);
    t.strictSame([...hers.complaints, ...his.complaints], []);
  },
);
