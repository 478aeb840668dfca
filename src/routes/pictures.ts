/** `/pictures/…`: what a cover can hold, what hiding did to one, and the covers that came back. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { PictureReport, SentPicture, ShownCover } from '../messenger/index.ts';
import { readBytes } from './body.ts';
import { check } from './fields.ts';
import { needToken } from './need-token.ts';
import { numberIn, type Route, type RouteContext } from './route.ts';

/** A cover, or a picture that somebody has carried here. */
export const PICTURE_LIMITS = { sizeMax: 32 * 1024 * 1024, deadline_ms: 120_000 };
export const PICTURE_TYPE = 'image/png';

/** Bytes of the text that is to go in. */
const Size = z.coerce
  .number()
  .int()
  .min(1)
  .max(16 * 1024 * 1024);
export const CapacityFields = z.strictObject({ size: Size.exactOptional() });
export const PreviewFields = z.strictObject({ size: Size });

/** The body is the PNG. */
export const coverCapacity: Route = async (ctx, messenger) => {
  const fields = check(CapacityFields, { ...ctx.query });
  const cover = await readBytes(ctx.req, PICTURE_LIMITS);
  const { bitsPerSample, pixelsNeeded, psnr_dB, ...forecast } = await messenger.forecastCover({
    cover,
    ...fields,
  });
  ctx.body = {
    ...forecast,
    ...(psnr_dB !== undefined && { psnr_dB: decibels(psnr_dB) }),
    ...(bitsPerSample !== undefined && {
      bits_per_sample: Number(bitsPerSample.toPrecision(4)),
    }),
    ...(pixelsNeeded !== undefined && { pixels_needed: pixelsNeeded }),
  };
};

/** The cover as it would look, for a person to compare. Nothing is sent. */
export const previewCover: Route = async (ctx, messenger) => {
  const { size } = check(PreviewFields, { ...ctx.query });
  const cover = await readBytes(ctx.req, PICTURE_LIMITS);
  const png = await messenger.previewCover({ cover, size });
  answerPng(ctx, png);
};

/** What lies in the covers folder. A cover betrays its picture, so who lists them shows the token. */
export const listFolderCovers: Route = async (ctx, messenger) => {
  needToken(ctx);
  const { path, names } = await messenger.folderCovers();
  const content = (name: string) => `/pictures/covers/${encodeURIComponent(name)}`;
  ctx.body = { path, covers: names.map((name) => ({ name, content: content(name) })) };
};

/** One of them, to look at before it is used. */
export const folderCover: Route = async (ctx, messenger) => {
  needToken(ctx);
  const png = await messenger.folderCover(ctx.params['name'] ?? '');
  answerPng(ctx, png);
};

/** Covers that came back, each with what proves it. */
export const listCovers: Route = (ctx, messenger) => {
  needToken(ctx);
  ctx.body = { covers: messenger.restoredCovers().map(coverJson) };
};

/** One of them, as a PNG. */
export const restoredCover: Route = (ctx, messenger) => {
  needToken(ctx);
  const id = numberIn(ctx, 'id');
  const { cover, png } = messenger.restoredCover(id);
  ctx.attachment(`cover-${id}.png`);
  ctx.type = PICTURE_TYPE;
  ctx.set('Sotto-Message-Id', cover.message);
  ctx.set('Sotto-Cover-Sha256', cover.sha256);
  ctx.length = cover.size;
  ctx.body = Readable.from(png, { objectMode: false });
};

function coverJson({ id, psnr_dB, ...rest }: ShownCover): object {
  return { id, ...rest, psnr_dB: decibels(psnr_dB), content: `/covers/${id}` };
}

/** For the 202 of a picture that is on its way. */
export function pictureReport(report: PictureReport): object {
  const { psnr_dB, changedSamples, bitsPerSample, coverSha256, ...rest } = report;
  return {
    ...rest,
    psnr_dB: decibels(psnr_dB),
    changed_samples: changedSamples,
    bits_per_sample: Number(bitsPerSample.toPrecision(4)),
    cover_sha256: coverSha256,
  };
}

/** The picture itself, under the name of its cover: no other name would look as innocent. */
export function answerPicture(ctx: RouteContext, { id, picture, png }: SentPicture): void {
  ctx.attachment(picture.cover ?? 'picture.png');
  ctx.set('Sotto-Message-Id', id);
  ctx.set('Sotto-Psnr-Db', picture.psnr_dB.toFixed(2));
  ctx.set('Sotto-Bits-Per-Sample', picture.bitsPerSample.toFixed(4));
  ctx.set('Sotto-Cover-Sha256', picture.coverSha256);
  // Header values are ASCII; the words are ours, and short.
  if (picture.warnings.length > 0) ctx.set('Sotto-Warning', picture.warnings.join('; '));
  answerPng(ctx, png);
}

function answerPng(ctx: RouteContext, png: Uint8Array): void {
  ctx.type = PICTURE_TYPE;
  ctx.body = Buffer.from(png.buffer, png.byteOffset, png.length);
}

/** To hundredths. Of a picture that was left as it was there is none, and JSON knows no infinity. */
export function decibels(ratio: number): number | null {
  return Number.isFinite(ratio) ? Math.round(100 * ratio) / 100 : null;
}
