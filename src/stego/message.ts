/**
 * A payload bound to its cover. A tag of 16 bytes travels after the payload:
 *
 *     HMAC-SHA-256(tag key, SHA-256(samples of the cover) ‖ payload)[0..16]
 *
 * So what comes out is the payload that went in, and the picture that comes back is the cover, or
 * nothing comes out at all. The tag key and everything else derive from the 32-byte image key.
 */
import { concat, release } from '../bytes.ts';
import { equal, openssl } from '../crypto/index.ts';
import { subkey } from './chacha20.ts';
import { eligible, rank } from './choice.ts';
import { capacity, embed, extract, isBeyondCapacity, type OnProgress, part } from './engine.ts';
import { StegoError } from './errors.ts';
import { hasPlainFrame, unchangingBytes } from './header.ts';
import { carryingPlanes, type Picture, pixelBytes, psnr_dB } from './picture.ts';
import { decodePng, encodePng, encodeRows, type PngFile, rowsOf } from './png.ts';
import type { ProfileChoice, ProfileName } from './profile.ts';
import { reportPicture } from './report.ts';
import { SUSPICIOUS_BITS_A_SAMPLE, TAG_SIZE } from './sizes.ts';

export interface HideOptions {
  /** `auto` takes what the forecast says is better, and `max` only if it is done in a few seconds. */
  readonly profile?: ProfileChoice;
  readonly samplesMax?: number;
  /** Whether `reportPng` is wanted. */
  readonly drawReport?: boolean;
  readonly onProgress?: OnProgress;
}

export interface HideReport {
  readonly profile: ProfileName;
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly psnr_dB: number;
  readonly changedSamples: number;
  /** How far the most changed one went: 1, but up to 128 in 16-bit pictures of much noise. */
  readonly largestStep: number;
  readonly bitsPerSample: number;
  /** Of the cover's samples; `reveal` proves that they came back. Hexadecimal. */
  readonly coverSha256: string;
  /** Names of chunks of the cover that must not be copied by who does not know them; each once. */
  readonly droppedChunks: readonly string[];
  readonly warnings: readonly string[];
}

export interface Hidden {
  readonly png: Uint8Array;
  readonly report: HideReport;
  /** For a person to look at: see `reportPicture`. */
  readonly reportPng?: Uint8Array;
}

/** @throws {StegoError} for a PNG that cannot be used, or that is too small for the payload. */
export async function hide(
  coverPng: Uint8Array,
  payload: Uint8Array,
  key: Uint8Array,
  options: HideOptions = {},
): Promise<Hidden> {
  return hideDecoded(decodePng(coverPng, options.samplesMax), payload, key, options);
}

/** As `hide`, for a file that is decoded already. Takes its planes: they are empty afterwards. */
export async function hideDecoded(
  file: PngFile,
  payload: Uint8Array,
  key: Uint8Array,
  options: HideOptions = {},
): Promise<Hidden> {
  // Encoding takes as much memory as hiding did: the planes are gone when it begins.
  const { rows, ...rest } = hideInRows(file, payload, key, options);
  releasePlanes(file.picture);
  return { png: encodeRows(rows, file), ...rest };
}

function hideInRows(
  { picture: cover, ...kept }: PngFile,
  payload: Uint8Array,
  key: Uint8Array,
  { profile: choice = 'auto', drawReport = false, onProgress }: HideOptions,
) {
  const digest = digestOf(cover);
  const tagged = concat(payload, tagOf(key, digest, payload));
  const { stego, name } = embedByChoice(cover, tagged, key, choice, onProgress);
  const samples = cover.width * cover.height * carryingPlanes(cover).length;
  const bitsPerSample = (8 * (payload.length + TAG_SIZE)) / samples;
  const report: HideReport = {
    profile: name,
    width: cover.width,
    height: cover.height,
    depth: cover.depth,
    psnr_dB: psnr_dB(cover, stego),
    ...changesOf(cover, stego),
    bitsPerSample,
    coverSha256: hex(digest),
    droppedChunks: kept.dropped,
    warnings: [...warningsOfCover(cover), ...warningsFor(bitsPerSample, kept.dropped)],
  };
  const drawing = drawReport
    ? { reportPng: encodePng(reportPicture(cover, stego, report), { before: [], after: [] }) }
    : {};
  const rows = rowsOf(stego);
  releasePlanes(stego);
  return { rows, report, ...drawing };
}

/** What the forecasts take of the time of hiding, if there is a choice. */
const CHOOSING = 0.25;

/** By the best profile there is a choice of; where that one is full, by another. */
function embedByChoice(
  cover: Picture,
  tagged: Uint8Array,
  key: Uint8Array,
  choice: ProfileChoice,
  onProgress: OnProgress | undefined,
): { readonly stego: Picture; readonly name: ProfileName } {
  let [names, told] = [eligible(choice, cover), onProgress];
  if (names.length > 1) {
    const ranked = rank(cover, tagged.length, names, part(onProgress, 0, CHOOSING));
    names = ranked.map(({ name }) => name);
    told = part(onProgress, CHOOSING, 1);
  }
  let full = new StegoError(
    'capacity',
    `the picture cannot hold ${tagged.length - TAG_SIZE} bytes`,
  );
  for (const name of names) {
    try {
      const stego = embed(cover, tagged, key, name, told);
      if (!isBeyondCapacity(cover, stego, tagged.length, key, name)) return { stego, name };
      releasePlanes(stego);
    } catch (error) {
      if (!(error instanceof StegoError) || error.failure !== 'capacity') throw error;
      full = error;
    }
    // Nobody is told that there is less to do than before.
    told = undefined;
  }
  throw full;
}

export type RevealOptions = Pick<HideOptions, 'samplesMax' | 'onProgress'>;

export interface Revealed {
  readonly payload: Uint8Array;
  /** Which of the keys it was made with. */
  readonly keyIndex: number;
  /** The cover as a PNG: its samples and chunks; how it was compressed is not kept. */
  readonly coverPng: Uint8Array;
  /** Proved by the tag: the SHA-256 of the cover's samples, hexadecimal. */
  readonly coverSha256: string;
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  /** How like its cover the picture was. */
  readonly psnr_dB: number;
}

/**
 * @throws {StegoError} `no_message` if the key never made this picture or it was changed since,
 * `damaged` if payload or cover came out wrong; never wrong bytes.
 */
export function reveal(
  stegoPng: Uint8Array,
  key: Uint8Array,
  options: RevealOptions = {},
): Promise<Revealed> {
  return revealWithAny(stegoPng, [key], options);
}

/** As `reveal`, with the first key that fits: the file is decoded once for all of them. */
export async function revealWithAny(
  stegoPng: Uint8Array,
  keys: readonly Uint8Array[],
  options: RevealOptions = {},
): Promise<Revealed> {
  return revealDecoded(decodePng(stegoPng, options.samplesMax), keys, options);
}

/** As `revealWithAny`, for a file that is decoded already. Takes its planes, as `hideDecoded`. */
export async function revealDecoded(
  file: PngFile,
  keys: readonly Uint8Array[],
  options: RevealOptions = {},
): Promise<Revealed> {
  const { rows, ...rest } = revealInRows(file.picture, keys, options);
  releasePlanes(file.picture);
  return { ...rest, coverPng: encodeRows(rows, file) };
}

function revealInRows(
  picture: Picture,
  keys: readonly Uint8Array[],
  { onProgress }: RevealOptions,
) {
  let refusal = new StegoError('no_message', 'there is no key to look for a message with');
  for (const [keyIndex, key] of keys.entries()) {
    try {
      return { ...revealFrom(picture, key, onProgress), keyIndex };
    } catch (error) {
      if (!(error instanceof StegoError)) throw error;
      // One key that fitted, in a picture that was changed, says more than ten that did not.
      if (refusal.failure !== 'damaged') refusal = error;
    }
  }
  throw refusal;
}

function revealFrom(stego: Picture, key: Uint8Array, onProgress: OnProgress | undefined) {
  const { payload: tagged, cover } = extract(stego, key, onProgress);
  const payload = tagged.slice(0, Math.max(0, tagged.length - TAG_SIZE));
  const digest = digestOf(cover);
  const tag = tagOf(key, digest, payload);
  if (!equal(tag, tagged.subarray(payload.length))) {
    throw new StegoError('damaged', 'the picture was changed after the message was hidden in it');
  }
  const { width, height, depth } = cover;
  const likeness = psnr_dB(cover, stego);
  const coverSha256 = hex(digest);
  const rows = rowsOf(cover);
  releasePlanes(cover);
  return { payload, coverSha256, width, height, depth, psnr_dB: likeness, rows };
}

export interface Capacity {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  /** Samples that may carry: alpha does not. */
  readonly samples: number;
  /** Hexadecimal, as in `HideReport`. */
  readonly coverSha256: string;
  /** By which `hide` would hide what was wanted; else the one that holds most. */
  readonly profile: ProfileName;
  /** Bytes of payload that `hide` will hold, whatever they are; one more it refuses. */
  readonly bytes: number;
  /** For what was wanted, if it fits. */
  readonly psnr_dB?: number;
  /** Pixels of a picture like this one that hold what was wanted, if this one does not. */
  readonly pixelsNeeded?: number;
  /** What speaks against this cover, however little is hidden in it. */
  readonly warnings: readonly string[];
}

/** @param wanted a payload's size to forecast for; `quiet`: the largest that warns nobody. */
export async function measureCapacity(
  coverPng: Uint8Array,
  wanted: number | 'quiet' | undefined,
  options: HideOptions = {},
): Promise<Capacity> {
  return capacityOfDecoded(decodePng(coverPng, options.samplesMax), wanted, options);
}

/** As `measureCapacity`, for a file that is decoded already. */
export async function capacityOfDecoded(
  { picture }: PngFile,
  wanted: number | 'quiet' | undefined,
  { profile: choice = 'auto', onProgress }: HideOptions = {},
): Promise<Capacity> {
  const { width, height, depth } = picture;
  const samples = width * height * carryingPlanes(picture).length;
  const coverSha256 = hex(digestOf(picture));
  const told = part(onProgress, 0, wanted === undefined ? 1 : 0.75);
  const rooms = roomsOf(picture, eligible(choice, picture), told);
  const { bytes, name: profile } = rooms.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const warnings = bytes === 0 ? [] : warningsOfCover(picture);
  const measured = { width, height, depth, samples, coverSha256, profile, bytes, warnings };
  const quiet = Math.floor((SUSPICIOUS_BITS_A_SAMPLE * samples) / 8) - TAG_SIZE;
  const payloadSize = wanted === 'quiet' ? Math.min(quiet, bytes) : wanted;
  if (payloadSize === undefined || payloadSize < 0) return measured;
  if (payloadSize > bytes) {
    if (bytes === 0) return measured;
    const growth = (payloadSize + TAG_SIZE) / (bytes + TAG_SIZE);
    return { ...measured, pixelsNeeded: Math.ceil(width * height * growth * 1.05) };
  }
  const names = rooms.filter((room) => room.bytes >= payloadSize).map(({ name }) => name);
  const [best] = rank(picture, payloadSize + TAG_SIZE, names, part(onProgress, 0.75, 1));
  if (best?.psnr_dB === undefined) return measured;
  return { ...measured, profile: best.name, psnr_dB: best.psnr_dB };
}

/** What a picture holds by each of the profiles. */
function roomsOf(
  picture: Picture,
  names: readonly ProfileName[],
  onProgress: OnProgress | undefined,
) {
  return names.map((name, i) => {
    const told = part(onProgress, i / names.length, (i + 1) / names.length);
    return { name, bytes: Math.max(0, capacity(picture, name, told) - TAG_SIZE) };
  });
}

function warningsOfCover(cover: Picture): string[] {
  if (!hasPlainFrame(cover)) return [];
  return [
    'its frame is of one colour, or nearly: some samples change by a step there, where who looks ' +
      'sees them; take a picture with texture at its edges, or cut the frame off',
  ];
}

/** A warning may have to travel in an HTTP header. */
const NAMED_MAX = 16;

function warningsFor(bitsPerSample: number, dropped: readonly string[]): string[] {
  const warnings: string[] = [];
  if (bitsPerSample > SUSPICIOUS_BITS_A_SAMPLE) {
    const rate = bitsPerSample.toFixed(3);
    warnings.push(
      `${rate} bits a sample: who looks for hidden data may see that there is some; a larger ` +
        `picture or a shorter message stays below ${SUSPICIOUS_BITS_A_SAMPLE}`,
    );
  }
  if (dropped.length > 0) {
    const names = dropped.slice(0, NAMED_MAX).join(', ');
    const more = dropped.length > NAMED_MAX ? ` and ${dropped.length - NAMED_MAX} more` : '';
    warnings.push(`chunks that only their own program may copy were left out: ${names}${more}`);
  }
  return warnings;
}

function changesOf(cover: Picture, stego: Picture) {
  let [changedSamples, largestStep] = [0, 0];
  cover.planes.forEach((plane, index) => {
    const other = stego.planes[index] as Uint16Array;
    for (let i = 0; i < plane.length; i++) {
      const step = Math.abs((plane[i] as number) - (other[i] as number));
      if (step > 0) changedSamples++;
      if (step > largestStep) largestStep = step;
    }
  });
  return { changedSamples, largestStep };
}

function tagOf(key: Uint8Array, digest: Uint8Array, payload: Uint8Array): Uint8Array {
  return openssl.hmac(subkey(key, 'tag'), digest, payload).subarray(0, TAG_SIZE);
}

/** What tells a cover apart before anything is hidden in it. */
export interface Look {
  /** Hexadecimal, as in `HideReport`. */
  readonly coverSha256: string;
  /** See header.ts: the same of a cover and of all stego images made of it. */
  readonly unchanging: Uint8Array;
}

/** Of a file that is decoded for this only: gives all its memory back at once. */
export async function lookAtDecoded({ picture }: PngFile): Promise<Look> {
  const coverSha256 = hex(digestOf(picture));
  const unchanging = unchangingBytes(picture);
  releasePlanes(picture);
  return { coverSha256, unchanging };
}

/** So many pixels are hashed at once: all of the largest pictures would be a second copy of them. */
const PIXELS_AT_ONCE = 65_536;

/** The SHA-256 of a picture's samples. */
function digestOf(picture: Picture): Uint8Array {
  const hash = openssl.createHash();
  const count = picture.width * picture.height;
  for (let from = 0; from < count; from += PIXELS_AT_ONCE) {
    const bytes = pixelBytes(picture, from, Math.min(count, from + PIXELS_AT_ONCE));
    hash.update(bytes);
    release(bytes);
  }
  return hash.digest();
}

/** Gives the memory of a picture back that nobody looks at any more. */
function releasePlanes({ planes }: Picture): void {
  for (const plane of planes) release(plane);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
