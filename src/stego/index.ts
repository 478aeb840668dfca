/** Messages inside pictures, and the picture given back; docs/STEGO.md. */
export { StegoError, type StegoFailure } from './errors.ts';
export {
  type Capacity,
  type Hidden,
  type HideOptions,
  type HideReport,
  hide,
  type Look,
  measureCapacity,
  type Revealed,
  reveal,
  revealWithAny,
  SUSPICIOUS_BITS_A_SAMPLE,
  TAG_SIZE,
} from './message.ts';
export { type PhantomOptions, phantom } from './phantom.ts';
export { type Colour, type Picture, psnr_dB, sampleBytes } from './picture.ts';
export { decodePng, encodePng, type PngFile, SAMPLES_MAX } from './png.ts';
export { type Cancellable, type PoolOptions, StegoPool } from './pool.ts';
export type { ProfileChoice, ProfileName } from './profile.ts';
