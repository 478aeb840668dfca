/** What `sotto doctor` may find, with what to do about it. docs/ERRORS.md holds the same table. */

export interface Advice {
  /** A problem keeps something from working, or a secret from being one; a warning may. */
  readonly level: 'problem' | 'warning';
  readonly next: string;
}

/** By stable code. */
export const FINDINGS = {
  settings_wrong: problem('Correct the setting; `sotto up --help` says what it takes.'),
  folder_forbidden: problem(
    'Run this as the user of the peer, or name another folder by --data-dir.',
  ),
  folder_open: problem('chmod 700 the folder: others on this machine can look into it.'),
  file_open: problem('chmod 600 the file: others on this machine can read or change it.'),
  disk_nearly_full: problem('Free some space; a peer with a full disk accepts nothing.'),
  clock_wrong: problem('Set the clock, e.g. `timedatectl set-ntp true`; times shown are wrong.'),
  clock_differs: warning('See which clock is right. Messages arrive all the same; times differ.'),
  port_taken: problem('Stop the other program (`ss -ltnp` names it), or choose another --port.'),
  port_unusable: problem('Choose another --port or --host.'),
  peer_silent: problem('It may be stopped or hang: see its log, then stop and start it.'),
  store_unreadable: problem('Do as the words say; `sotto backup --restore` has the rest.'),
  serial_missing: problem('Plug the device in, and look for it in /dev/serial/by-id/.'),
  serial_forbidden: problem(
    'Join the group that may: `sudo usermod -aG dialout $USER`, log in anew.',
  ),
  serial_not_a_line: problem('Name a serial line, such as /dev/ttyUSB0.'),
  contact_unreachable: warning(
    'See that it runs, and its address; messages wait until it is there.',
  ),
  contact_forgot_us: problem('Pair again: `sotto pair` there, `sotto pair CODE` here.'),
  contact_not_paired: warning('`sotto pair --to NAME` on both sides, or a pairing code.'),
  contact_not_verified: warning(
    'Compare the six digits by voice, then `sotto verify CODE --to NAME`.',
  ),
} as const satisfies Readonly<Record<string, Advice>>;

export type FindingCode = keyof typeof FINDINGS;

export interface Finding {
  /** Undefined: all is well. */
  readonly code?: FindingCode;
  /** One fact, without its full stop. */
  readonly what: string;
}

function problem(next: string): Advice {
  return { level: 'problem', next };
}

function warning(next: string): Advice {
  return { level: 'warning', next };
}
