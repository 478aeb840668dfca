/** Messages inside pictures, and the picture given back; docs/STEGO.md. */
export { StegoError, type StegoFailure } from './errors.ts';
export { type Colour, type Picture, psnr_dB, sampleBytes } from './picture.ts';
export { decodePng, encodePng, type PngFile, SAMPLES_MAX } from './png.ts';
