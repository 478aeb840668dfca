/** Codes of what commands refuse themselves; docs/ERRORS.md holds the same table. */
import type { StoreFailure } from '../failures.ts';
import type { StegoFailure } from '../stego/index.ts';

export type CommandCode =
  | 'usage'
  | 'settings_wrong'
  | 'no_peer'
  | 'peer_forbidden'
  | 'no_words'
  | 'failed'
  | 'internal'
  | 'node_too_old'
  | 'not_installed'
  | 'cover_used'
  | 'parts_missing'
  | StoreFailure
  | StegoFailure;

/** What to do about each. The words on stderr may be more precise. */
export const COMMAND_CODES: Readonly<Record<CommandCode, string>> = {
  usage:
    'Something in the command line, or a file that it names, cannot be used; nothing was done. `sotto COMMAND --help` has examples.',
  settings_wrong:
    'A setting cannot be used; nothing was started. The words name it and where it stands.',
  no_peer: 'Start one with `sotto up`, or name its folder by --data-dir.',
  peer_forbidden: 'Run the command as the user of the peer, e.g. by sudo.',
  no_words: 'Something else than a peer answers there, or a proxy between.',
  failed: 'The words say what stood in the way; repeat the command when it is gone.',
  internal: 'A mistake of this program: report it with what stands on stderr.',
  node_too_old: 'Install Node 24 or newer; in a clone `npm ci` brings one along.',
  not_installed: 'Run `npm ci` first.',
  cover_used: 'Two stego images of one cover betray both: take another cover, or --force.',
  parts_missing: 'Give all pictures that `sotto hide` wrote, and of one message only.',
  duplicate: 'There is one already; nothing was changed.',
  conflict: 'What is there would be overwritten: take an empty data folder.',
  missing: 'It is not there any more.',
  full: 'Free some space on the disk, then repeat. Nothing was lost.',
  busy: 'Another process holds the data: stop the peer first, or wait.',
  wrong_key: 'Give the passphrase or the key file that the data were made with.',
  damaged: 'The file was changed or cut: take another copy of it.',
  foreign: 'The file is of another program, or of a newer version.',
  unwritable: 'Look at owner and mode of the folder.',
  closed: 'The command was ended meanwhile: repeat it.',
  malformed: 'The file is no PNG, or breaks its specification: save it anew.',
  unsupported:
    'A palette, a colour key or an animation cannot carry: save the picture as plain RGB or grey.',
  too_large: 'The picture has more pixels than are taken: cut it.',
  capacity: 'Take a larger picture, several, or a smaller file; `sotto capacity` tells.',
  no_message: 'Nothing is hidden there for this passphrase, or it was re-encoded on its way.',
};
