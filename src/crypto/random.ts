import { randomBytes } from '@noble/hashes/utils.js';
import type { RandomBytes } from './provider.ts';

/** The operating system's randomness. Pure code gets it as an argument and does not import it. */
export const systemRandomBytes: RandomBytes = (length) => randomBytes(length);
