import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Goes with the test, once all that was begun after it has ended. */
export function temporaryFolder(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
