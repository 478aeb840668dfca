/** A file system of a few MiB that can be filled to the last byte, and freed again. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MiB = 1024 * 1024;

export class SmallDisk {
  readonly folder = mkdtempSync(join(tmpdir(), 'sotto-disk-'));
  /** False: this user may not mount one, and it is a folder like any other. */
  readonly isSmall: boolean;
  readonly #filler = join(this.folder, 'filler');

  constructor(size_MiB: number) {
    const options = ['-t', 'tmpfs', '-o', `size=${size_MiB}m`, 'tmpfs', this.folder];
    try {
      execFileSync('mount', options, { stdio: 'pipe' });
      this.isSmall = true;
    } catch {
      this.isSmall = false;
    }
  }

  /** Takes every byte that is left but `spare`. */
  fill(spare = 0): void {
    if (!this.isSmall) throw new Error('that is no small disk');
    const file = openSync(this.#filler, 'a');
    for (let size = MiB; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeSync(file, new Uint8Array(size));
      } catch {
        // Not even so much is left: try with less.
      }
    }
    ftruncateSync(file, fstatSync(file).size - spare);
    closeSync(file);
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  close(): void {
    if (this.isSmall) execFileSync('umount', ['--lazy', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
