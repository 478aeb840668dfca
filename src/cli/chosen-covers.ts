/** The covers that a person has chosen: looked at, refused if they were used, and marked as such. */
import { openssl } from '../crypto/index.ts';
import type { Hidden, Look, StegoPool } from '../stego/index.ts';
import type { UsedCovers } from '../used-covers.ts';
import { CommandError, EXIT } from './errors.ts';
import { explaining, readWhole } from './pictures.ts';

export interface Cover extends Look {
  readonly name: string;
  readonly png: Uint8Array;
  readonly fileSha256: string;
}

/** @throws {CommandError} */
export async function lookAtAll(names: readonly string[], pool: StegoPool): Promise<Cover[]> {
  const covers: Cover[] = [];
  for (const name of names) {
    const png = readWhole(name);
    const look = await explaining(name, () => pool.look(png));
    covers.push({ name, png, fileSha256: sha256(png), ...look });
  }
  return covers;
}

/** Before any work. @throws {CommandError} `cover_used` */
export function refuseUsed(covers: readonly Cover[], usedCovers: UsedCovers): void {
  const seen = new Set<string>();
  for (const { name, coverSha256, fileSha256 } of covers) {
    if (seen.has(coverSha256)) throw coverUsed(`${name} is given twice, or`);
    seen.add(coverSha256);
    if ([coverSha256, fileSha256].some((hash) => usedCovers.has(hash))) throw coverUsed(name);
  }
}

function coverUsed(what: string): CommandError {
  const words = `${what} was used before: two stego images of one cover betray both. Take another, or --force.`;
  return new CommandError(EXIT.noRoom, words, { code: 'cover_used' });
}

/** Marks them as used, and tells what was not marked before. @throws {CommandError} `cover_used` if somebody was quicker, unless `forced` */
export function claim(
  covers: readonly Cover[],
  hidden: readonly Hidden[],
  usedCovers: UsedCovers,
  forced: boolean,
): readonly string[] {
  const claimed = usedCovers.claim(marksOf(covers, hidden), { forced });
  if (claimed === undefined) throw coverUsed('A cover');
  return claimed;
}

/** A picture made of one of ours would show the difference as well. */
function marksOf(covers: readonly Cover[], hidden: readonly Hidden[]): string[] {
  const ofCovers = covers.flatMap(({ coverSha256, fileSha256 }) => [coverSha256, fileSha256]);
  return [...ofCovers, ...hidden.map(({ png }) => sha256(png))];
}

function sha256(bytes: Uint8Array): string {
  return Buffer.from(openssl.hash(bytes)).toString('hex');
}
