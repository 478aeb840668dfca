/** Data of a peer that has never run. */
import { loadConfig } from '../../src/config.ts';
import { type ShownIdentity, showIdentity } from '../../src/identity.ts';

/** @param flags e.g. what opens the data. */
export function makeData(folder: string, ...flags: readonly string[]): Promise<ShownIdentity> {
  return showIdentity(loadConfig(['--data-dir', folder, ...flags], {}));
}
