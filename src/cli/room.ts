/** What `sotto hide` will take of a picture, all of its own deducted. */
import {
  type Capacity,
  type ProfileChoice,
  type StegoPool,
  SUSPICIOUS_BITS_A_SAMPLE,
  TAG_SIZE,
} from '../stego/index.ts';
import { usageError } from './command.ts';
import { explaining, SEAL_SIZE } from './pictures.ts';
import { sharing } from './progress.ts';

/** In front of each part: 8 random bytes that name the message, its number, and how many. */
export const PART_HEADER_SIZE = 10;
const OVERHEAD = PART_HEADER_SIZE + SEAL_SIZE;

const PROFILES: readonly string[] = ['auto', 'fast', 'max', 'integer'] satisfies ProfileChoice[];

/** @throws {CommandError} `usage` */
export function profileOf(command: string, name = 'auto'): ProfileChoice {
  if (PROFILES.includes(name)) return name as ProfileChoice;
  throw usageError(command, `There is no profile ${name}.`);
}

export interface Room extends Capacity {
  /** Not even a file of 0 bytes. */
  readonly holdsNothing: boolean;
}

/**
 * @param size of the file to forecast the likeness for, in bytes; `quiet`: as many as stay below
 *   0.02 bits a sample.
 * @throws {CommandError}
 */
export async function roomIn(
  name: string,
  png: Uint8Array,
  size: number | 'quiet' | undefined,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<Room> {
  const payloadSize = typeof size === 'number' ? size + OVERHEAD : size;
  const measured = await explaining(name, () =>
    sharing(`measuring ${name}`, (onProgress) =>
      pool.capacity(png, payloadSize, { profile, onProgress }),
    ),
  );
  const bytes = measured.bytes - OVERHEAD;
  return { ...measured, bytes: Math.max(0, bytes), holdsNothing: bytes < 0 };
}

/** What a file of `size` bytes makes of each sample. */
export function bitsPerSample(size: number, { samples }: Capacity): number {
  return (8 * (size + OVERHEAD + TAG_SIZE)) / samples;
}

/** The largest file that fits, and of which nobody has to be warned. */
export function quietBytes({ samples, bytes }: Capacity): number {
  const most = Math.floor((SUSPICIOUS_BITS_A_SAMPLE * samples) / 8) - OVERHEAD - TAG_SIZE;
  return Math.max(0, Math.min(most, bytes));
}
