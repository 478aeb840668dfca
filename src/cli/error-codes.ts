/** Codes of what commands refuse themselves; docs/ERRORS.md says what to do about each. */
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
