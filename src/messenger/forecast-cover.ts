/** What a cover can hold and how it would look: asked before anything is sent. */
import { KEY_SIZE, type RandomBytes } from '../crypto/index.ts';
import { type Capacity, SUSPICIOUS_BITS_A_SAMPLE } from '../stego/index.ts';
import type { CoverForecast, CoverRequest } from './api.ts';
import { letterContentMax, letterSize } from './letters.ts';
import type { PictureWork } from './picture-work.ts';
import type { Store } from './ports.ts';

/** The content's type, in front of a text. */
const TYPE_SIZE = 1;

/** @throws {UseCaseError} `cover_unusable`, `busy` */
export async function forecastCover(
  { store, work }: { readonly store: Store; readonly work: PictureWork },
  { cover, size }: CoverRequest,
): Promise<CoverForecast> {
  const letter = size === undefined ? undefined : letterSize(size + TYPE_SIZE);
  const measured = await work.capacity(cover, letter);
  const { coverSha256, samples, bytes, psnr_dB, pixelsNeeded, ...rest } = measured;
  const used = store.pictures.isCoverUsed(coverSha256);
  const fits = letter !== undefined && letter <= bytes;
  const bitsPerSample = fits ? (8 * letter) / samples : undefined;
  return {
    ...rest,
    bytes: Math.max(0, letterContentMax(bytes) - TYPE_SIZE),
    used,
    ...(psnr_dB !== undefined && { psnr_dB }),
    ...(bitsPerSample !== undefined && { bitsPerSample }),
    ...(pixelsNeeded !== undefined && { pixelsNeeded }),
    warnings: warningsOf(measured, used, bitsPerSample),
  };
}

/** @throws {UseCaseError} `cover_unusable`, `cover_too_small`, `busy` */
export async function previewCover(
  { work, randomBytes }: { readonly work: PictureWork; readonly randomBytes: RandomBytes },
  { cover, size }: Required<CoverRequest>,
): Promise<Uint8Array> {
  const inPlaceOfLetter = randomBytes(letterSize(size + TYPE_SIZE));
  const { png } = await work.hide(cover, inPlaceOfLetter, randomBytes(KEY_SIZE), {
    profile: 'auto',
  });
  return png;
}

function warningsOf(
  { bytes, warnings: ofCover }: Capacity,
  used: boolean,
  bitsPerSample: number | undefined,
): readonly string[] {
  const warnings = [...ofCover];
  if (used) warnings.push('it was used before: two pictures made of one cover betray both');
  if (bytes === 0) warnings.push('it is too small, or too noisy, to hide anything in it');
  if (bitsPerSample !== undefined && bitsPerSample > SUSPICIOUS_BITS_A_SAMPLE) {
    const rate = `${bitsPerSample.toFixed(3)} bits a sample`;
    const below = `stays below ${SUSPICIOUS_BITS_A_SAMPLE}`;
    warnings.push(
      `${rate}: who looks for hidden data may see that there is some; a larger picture or a shorter message ${below}`,
    );
  }
  return warnings;
}
