/** A file system of a few MiB that can be filled to the last byte, and freed again. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '24m';
const PIECE = Buffer.alloc(64 * 1024);

export class SmallDisk {
  readonly folder = mkdtempSync(join(tmpdir(), 'sotto-soak-disk-'));
  /** False: this user cannot mount one, and it is a folder like any other. */
  readonly isSmall: boolean;
  readonly #filler = join(this.folder, 'filler');

  constructor() {
    const options = ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', this.folder];
    this.isSmall = succeeds(() => execFileSync('mount', options, { stdio: 'pipe' }));
  }

  fill(): void {
    if (!this.isSmall) return;
    const file = openSync(this.#filler, 'a');
    while (succeeds(() => writeSync(file, PIECE)));
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

function succeeds(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
