/** All that works on pixels in this thread. `index.ts` loads it when it is asked for. */
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
} from './message.ts';
export { type PhantomOptions, phantom } from './phantom.ts';
export { type Colour, type Picture, psnr_dB, sampleBytes } from './picture.ts';
export { decodePng, encodePng, type PngFile, SAMPLES_MAX } from './png.ts';
export { TAG_SIZE } from './sizes.ts';
