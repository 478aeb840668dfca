/** The clock that a peer sees: the system's, moved by libfaketime, and moved again while it runs. */
import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [LIBRARY] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');

export class MovedClock {
  /** False: libfaketime is not installed, and the clock is the system's. */
  readonly canMove = LIBRARY !== undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sotto-soak-clock-'));
  readonly #file = join(this.#folder, 'offset');

  constructor() {
    this.moveTo(0);
  }

  /** @param offset_s from the system's clock, at once. */
  moveTo(offset_s: number): void {
    writeFileSync(`${this.#file}.new`, `${offset_s < 0 ? '' : '+'}${offset_s}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** For the process that is to see it. Only the time of day moves: no computer's uptime jumps. */
  environment(): NodeJS.ProcessEnv {
    if (LIBRARY === undefined) return process.env;
    return {
      ...process.env,
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // Both would outlive a SIGKILL, or tell of files what is not so.
      FAKETIME_DISABLE_SHM: '1',
      NO_FAKE_STAT: '1',
    };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
