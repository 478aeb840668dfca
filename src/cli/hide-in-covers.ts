/** A file into one picture, or shared by several: sealed for each, and hidden in it. */
import { concat } from '../bytes.ts';
import { systemRandomBytes } from '../crypto/index.ts';
import type { Hidden, ProfileChoice, StegoPool } from '../stego/index.ts';
import type { Cover } from './chosen-covers.ts';
import { CommandError, EXIT } from './errors.ts';
import { explaining, PictureKeys } from './pictures.ts';
import { sharing } from './progress.ts';
import { PART_HEADER_SIZE, roomIn } from './room.ts';

/** Wipes the passphrase. @throws {CommandError} */
export async function hideIn(
  covers: readonly Cover[],
  content: Uint8Array,
  passphrase: Uint8Array,
  options: { readonly profile: ProfileChoice; readonly drawReport: boolean },
  pool: StegoPool,
): Promise<Hidden[]> {
  const hidden: Hidden[] = [];
  try {
    const sizes = await share(covers, content.length, options.profile, pool);
    const message = systemRandomBytes(PART_HEADER_SIZE - 2);
    let offset = 0;
    for (const [i, { name, png, unchanging }] of covers.entries()) {
      const part = content.subarray(offset, offset + (sizes[i] ?? 0));
      offset += part.length;
      const keys = await PictureKeys.of(passphrase, unchanging);
      const payload = keys.seal(concat(message, Uint8Array.of(i + 1, covers.length), part));
      const work = () =>
        sharing(`hiding in ${name}`, (onProgress) =>
          pool.hide(png, payload, keys.imageKey, { ...options, onProgress }),
        );
      const told = () => refuseSize(name, png, part.length, options.profile, pool);
      hidden.push(await explaining(name, work, told));
    }
    return hidden;
  } finally {
    passphrase.fill(0);
  }
}

/**
 * Bytes for each cover, by what it can hold, so that all are as little changed.
 * @throws {CommandError} `capacity`, with what would do, before anything is hidden.
 */
async function share(
  covers: readonly Cover[],
  size: number,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<number[]> {
  if (covers.length === 1) return [size];
  const rooms: number[] = [];
  for (const { name, png } of covers) {
    const { bytes, holdsNothing } = await roomIn(name, png, undefined, profile, pool);
    if (holdsNothing) {
      const words = `${name} holds nothing, it is too small or too noisy: leave it out, or take another.`;
      throw new CommandError(EXIT.noRoom, words);
    }
    rooms.push(bytes);
  }
  const room = rooms.reduce((sum, each) => sum + each, 0);
  if (room < size) {
    const words = `The pictures hold ${room} bytes; the file has ${size}. Add others, or take larger ones.`;
    throw new CommandError(EXIT.noRoom, words);
  }
  let left = size;
  return rooms.map((each) => {
    const part = Math.min(left, each, Math.ceil((size * each) / room));
    left -= part;
    return part;
  });
}

/** @throws {CommandError} `capacity`, with what would do. */
async function refuseSize(
  name: string,
  png: Uint8Array,
  size: number,
  profile: ProfileChoice,
  pool: StegoPool,
): Promise<never> {
  const { bytes, holdsNothing, pixelsNeeded } = await roomIn(name, png, size, profile, pool);
  const side = Math.ceil(Math.sqrt(pixelsNeeded ?? 0));
  const larger = side === 0 ? 'another picture' : `one like it of some ${side} × ${side} pixels`;
  const words = holdsNothing
    ? `${name} holds nothing, it is too small or too noisy: take ${larger}.`
    : `${name} holds ${bytes} bytes, the file has ${size}: take ${larger}, several, or a smaller file.`;
  throw new CommandError(EXIT.noRoom, words);
}
