/** Where a person puts covers: plain PNG files, used in order of their names, then moved aside. */
import { open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoverFolder } from '../messenger/index.ts';
import { makeFolder } from '../on-disk.ts';

const USED = 'used';

export class FileCovers implements CoverFolder {
  readonly path: string;

  /** @param path made, owner only, when it is first looked at. */
  constructor(path: string) {
    this.path = path;
  }

  async names(): Promise<readonly string[]> {
    makeFolder(this.path, 0o700);
    const entries = await readdir(this.path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && /\.png$/i.test(entry.name))
      .map(({ name }) => name)
      .sort();
  }

  async read(name: string, sizeMax: number): Promise<Uint8Array | undefined> {
    const file = await open(join(this.path, name)).catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat();
      return size > sizeMax ? undefined : await file.readFile();
    } finally {
      await file.close();
    }
  }

  /** A file of the same name that was used before is not replaced: this one gets a number. */
  async retire(name: string): Promise<void> {
    const folder = join(this.path, USED);
    makeFolder(folder, 0o700);
    const taken = new Set(await readdir(folder));
    let free = name;
    for (let number = 2; taken.has(free); number += 1) free = `${number}-${name}`;
    await rename(join(this.path, name), join(folder, free));
  }
}
