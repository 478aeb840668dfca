/**
 * Messages inside pictures, and the picture given back; docs/STEGO.md. What a peer needs at its start
 * is loaded with this, and nothing that works on pixels: most peers never see one.
 */
export { StegoError, type StegoFailure } from './errors.ts';
export type {
  Capacity,
  Hidden,
  HideOptions,
  HideReport,
  Look,
  Revealed,
} from './message.ts';
export { StegoPool } from './pool.ts';
export type { ProfileChoice, ProfileName } from './profile.ts';
export { SUSPICIOUS_BITS_A_SAMPLE, TAG_SIZE } from './sizes.ts';

/** For pictures so small that this thread may work on them itself. */
export const loadCoder = () => import('./coder.ts');
