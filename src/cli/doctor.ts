/** `sotto doctor`: looks for what keeps a peer from working, and says what to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, findDataFolder, loadConfig, type PeerConfig } from '../config.ts';
import { findPeer } from './client.ts';
import { defineCommand } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import * as examine from './examine.ts';
import { FINDINGS, type Finding } from './findings.ts';
import { type Io, printable } from './io.ts';

const CALL_MS = 5_000;
/** Settings that matter here. */
const PASSED = ['data-dir', 'config', 'host', 'port', 'passphrase-file'] as const;

const shownSchema = z.object({
  contacts: z.array(
    z.object({
      name: z.string(),
      address: z.string().optional(),
      public_key: z.string().optional(),
      verified: z.boolean(),
      state: z.string(),
    }),
  ),
});
type Contact = z.output<typeof shownSchema>['contacts'][number];

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what keeps a peer from working, and say what to do',
  usage: ['[--serial FILE]'],
  details: `Looks at the settings, the data folder and who may read it, disk, clock and port, and asks a running
peer about its contacts and each contact whether it answers. It repairs nothing. Exit code 1:
there is a problem. docs/ERRORS.md explains each code.`,
  examples: [
    'sotto doctor',
    'sotto doctor --config /etc/sotto/config.json --serial /dev/ttyUSB0',
    'sotto doctor --json',
  ],
  positionalsMax: 0,
  options: {
    config: { type: 'string', takes: 'FILE', about: 'the settings that `sotto up` gets' },
    host: { type: 'string', takes: 'ADDRESS', about: 'where it would listen; else 127.0.0.1' },
    port: { type: 'string', takes: 'PORT', about: 'where it would listen; else 5000' },
    serial: { type: 'string', takes: 'FILE', about: 'look at this serial line, too' },
    'passphrase-file': { type: 'string', takes: 'FILE', about: 'opens the data, if it has one' },
  },
  run: async ({ values, io }) => {
    const args = PASSED.flatMap((name) => (values[name] ? [`--${name}`, values[name]] : []));
    const secret = values['passphrase-file'];
    const findings = [
      ...(await aboutPeer(values['data-dir'], args)),
      ...(secret === undefined ? [] : examine.examineSecret(secret)),
      ...(values.serial === undefined ? [] : examine.examineSerial(values.serial)),
    ];
    const isIll = findings.some(({ code }) => code && FINDINGS[code].level === 'problem');
    return {
      data: findings.map(({ code, what }) => ({
        level: code === undefined ? 'ok' : FINDINGS[code].level,
        ...(code !== undefined && { code, next: FINDINGS[code].next }),
        what,
      })),
      text: findings.map((finding) => line(finding, io)).join('\n'),
      exitCode: isIll ? EXIT.failed : EXIT.done,
    };
  },
});

async function aboutPeer(dataDir: string | undefined, args: readonly string[]): Promise<Finding[]> {
  const folder = findDataFolder(dataDir);
  let config: PeerConfig;
  try {
    config = loadConfig(args);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const what = cause.message.replace(/\.$/, '');
    return [{ code: 'settings_wrong', what }, ...examine.examineData(folder, new Date())];
  }
  const data = examine.examineData(config.dataFolder, new Date());
  if (data.some(({ code }) => code === 'folder_forbidden')) return data;
  const running = await aboutRunning(config.dataFolder);
  if (running !== undefined) return [...data, ...running];
  const port = await examine.examinePort(config);
  // Opening repairs who may read the files: first a person is to hear of it.
  const isOpen = data.some(({ code }) => code === 'folder_open' || code === 'file_open');
  const last = existsSync(join(config.dataFolder, 'peer.json'))
    ? [{ what: 'the last peer here was killed, and nothing of it runs' }]
    : [];
  return [...data, ...last, ...port, ...(isOpen ? [] : await examine.examineStore(config))];
}

/** Undefined if none runs. */
async function aboutRunning(folder: string): Promise<Finding[] | undefined> {
  try {
    const peer = await findPeer(folder, CALL_MS);
    if (peer === undefined) return undefined;
    const { contacts } = await peer.get('/show', shownSchema);
    const each = await Promise.all(contacts.map(aboutContact));
    return [{ what: 'the peer runs and answers' }, ...each.flat()];
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    return [{ code: 'peer_silent', what: cause.message.replace(/\.$/, '') }];
  }
}

async function aboutContact(contact: Contact): Promise<Finding[]> {
  const { name, address } = contact;
  const who = printable(name);
  const keys = aboutKeys(contact, who);
  return address === undefined ? keys : [...keys, ...(await call(contact.state, who, address))];
}

function aboutKeys({ public_key, verified, state }: Contact, who: string): Finding[] {
  if (state === 'forgotten_by_contact') {
    return [{ code: 'contact_forgot_us', what: `${who} has lost our key` }];
  }
  if (public_key === undefined) {
    return [{ code: 'contact_not_paired', what: `there are no keys with ${who}` }];
  }
  if (verified) return [];
  return [{ code: 'contact_not_verified', what: `nobody has compared the keys with ${who}` }];
}

/** Anybody may answer there: that it is this contact, and knows us still, only a message shows. */
function answering(state: string, who: string, address: string): Finding[] {
  if (state === 'forgotten_by_contact') return [];
  return [{ what: `something answers at ${address}, where ${who} is called` }];
}

async function call(state: string, who: string, address: string): Promise<Finding[]> {
  const limits = {
    headersTimeout: CALL_MS,
    bodyTimeout: CALL_MS,
    signal: AbortSignal.timeout(CALL_MS),
  };
  try {
    const { request } = await import('undici');
    const { headers, body } = await request(`${address}/healthz`, limits);
    await body.dump();
    const { date } = headers;
    const clock = examine.compareClocks(who, typeof date === 'string' ? date : '', new Date());
    return [...answering(state, who, address), ...clock];
  } catch {
    return [{ code: 'contact_unreachable', what: `${who} does not answer at ${address}` }];
  }
}

function line({ code, what }: Finding, io: Io): string {
  if (code === undefined) return `${io.paint('green', 'ok     ')}  ${what}.`;
  const { level, next } = FINDINGS[code];
  const label = io.paint(level === 'problem' ? 'red' : 'yellow', level);
  return `${label}  ${what} (${code}).\n         ${next}`;
}
