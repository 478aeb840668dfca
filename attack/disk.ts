/** T: who takes the disk, or a copy of it; and who may write into the data folder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerProcess } from '../test/support/peer-process.ts';
import type { Attempt } from './attempt.ts';
import { message, outbox } from './contact.ts';
import { Rogue } from './rogue.ts';
import { post } from './wire.ts';

const PAGE_SIZE = 8_192;
const SECRETS = ['the patient is called Ada', 'contact-of-alice', 'report-of-ada.txt'] as const;

/** A folder that a peer with a passphrase has used and left. */
export interface Disk {
  readonly root: string;
  readonly folder: string;
  readonly flags: readonly string[];
}

export async function openDisk(): Promise<Disk> {
  const root = mkdtempSync(join(tmpdir(), 'sotto-disk-'));
  const passphrase = join(root, 'passphrase');
  writeFileSync(passphrase, 'correct horse battery staple\n', { mode: 0o600 });
  const folder = join(root, 'alice');
  const flags = ['--passphrase-file', passphrase, '--log-level', 'warn'];
  const [text, contact, file] = SECRETS;
  const peer = new PeerProcess({
    name: 'alice',
    folder,
    flags: [...flags, '--contact', `${contact}=http://127.0.0.1:9`],
  });
  await peer.start();
  const rogue = await Rogue.open('sender');
  const met = await rogue.meet(peer, peer.origin);
  const name = Buffer.from(file);
  const contents = [
    [1, ...Buffer.from(text)],
    [2, name.length, ...name, 0, ...Buffer.from(text)],
  ];
  for (const [at, content] of contents.entries()) {
    const payload = message(BigInt(at), Uint8Array.from(content));
    await post(peer.origin, [rogue.seal(met, [outbox(), payload])]);
  }
  const headers = { authorization: `Bearer ${peer.token}` };
  const { json } = await peer.call('POST', '/decrypt_msg', { headers });
  assert.equal(json.count, 2, 'the text and the file are in the store');
  rogue.close();
  await peer.stop();
  return { root, folder, flags };
}

export function closeDisk({ root }: Disk): void {
  rmSync(root, { recursive: true, force: true });
}

/** What it says when it does not start on a copy that `spoil` has changed. */
async function refusal(disk: Disk, spoil: (folder: string) => void, flags = disk.flags) {
  const copy = join(disk.root, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(disk.folder, copy, { recursive: true });
  spoil(copy);
  const peer = new PeerProcess({ name: 'alice', folder: copy, flags });
  try {
    await peer.start();
  } catch {
    return peer.log.join(' ');
  }
  await peer.stop('SIGKILL');
  throw new Error('it started all the same');
}

const database = (folder: string) => {
  const name = readdirSync(folder).find((each) => each.endsWith('.db'));
  assert.ok(name, 'no database in the folder');
  return join(folder, name);
};

const stolen: Attempt<Disk> = {
  by: 'T',
  tried: 'a stolen folder, without the passphrase: what does it tell?',
  async run(disk) {
    const names = readdirSync(disk.folder);
    for (const name of names) {
      const bytes = readFileSync(join(disk.folder, name));
      for (const secret of SECRETS) {
        assert.ok(!bytes.includes(secret), `${name} holds "${secret}"`);
      }
      assert.ok(!bytes.includes('SQLite format'), `${name} is a readable database`);
    }
    const said = await refusal(disk, () => {}, ['--log-level', 'warn']);
    assert.match(said, /passphrase/);
    return `file names (${names.join(', ')}), sizes, times; no content, no name, no address. Without the passphrase: "${said.slice(0, 90)}…"`;
  },
};

const wrongPassphrase: Attempt<Disk> = {
  by: 'T',
  tried: 'another passphrase',
  async run(disk) {
    const guess = join(disk.root, 'guess');
    writeFileSync(guess, 'correct horse battery stapler\n', { mode: 0o600 });
    const said = await refusal(disk, () => {}, ['--passphrase-file', guess, '--log-level', 'warn']);
    assert.match(said, /passphrase/);
    return `"${said.slice(0, 90)}…"; each guess costs a scrypt`;
  },
};

const swappedPage: Attempt<Disk> = {
  by: 'T',
  tried: 'pages of the database swapped two by two; one byte changed in each page',
  async run(disk) {
    const change = (folder: string, bend: (pages: Uint8Array[]) => readonly Uint8Array[]) => {
      const path = database(folder);
      const bytes = readFileSync(path);
      const pages = Array.from({ length: bytes.length / PAGE_SIZE }, (_, at) =>
        Uint8Array.from(bytes.subarray(at * PAGE_SIZE, (at + 1) * PAGE_SIZE)),
      );
      assert.ok(pages.length > 2, 'too few pages to swap');
      writeFileSync(path, Buffer.concat(bend(pages)));
    };
    const swap = (folder: string) =>
      change(folder, (pages) => pages.map((page, at) => pages[at === 0 ? 0 : at ^ 1] ?? page));
    const flip = (folder: string) =>
      change(folder, (pages) =>
        pages.map((page) => page.map((byte, at) => (at === 100 ? byte ^ 1 : byte))),
      );
    const said = [await refusal(disk, swap), await refusal(disk, flip)];
    for (const each of said) assert.match(each, /damaged|backup|authenticate|does not fit/i);
    return `refused, nothing overwritten: "${said[0]?.slice(0, 90)}…"`;
  },
};

const NOBODY = { uid: 65_534, gid: 65_534 };

/** Whether another user of this machine may read it; only root can become one. */
function isReadByOthers(path: string): boolean {
  return spawnSync('cat', [path], NOBODY).status === 0;
}

const modes: Attempt<Disk> = {
  by: 'L',
  tried: 'reading the folder as another user; modes that somebody has opened',
  async run(disk) {
    assert.equal(statSync(disk.folder).mode & 0o777, 0o700, 'mode of the folder');
    for (const name of readdirSync(disk.folder)) {
      const mode = statSync(join(disk.folder, name)).mode & 0o777;
      assert.equal(mode & 0o077, 0, `${name} has mode ${mode.toString(8)}`);
    }
    if (process.getuid?.() === 0) {
      const open = join(disk.root, 'open');
      writeFileSync(open, 'for all', { mode: 0o644 });
      chmodSync(disk.root, 0o755);
      assert.ok(isReadByOthers(open), 'so nothing is tried');
      for (const name of readdirSync(disk.folder)) {
        assert.ok(!isReadByOthers(join(disk.folder, name)), `another user reads ${name}`);
      }
    }
    const copy = join(disk.root, 'opened');
    cpSync(disk.folder, copy, { recursive: true });
    chmodSync(copy, 0o777);
    chmodSync(database(copy), 0o666);
    const peer = new PeerProcess({ name: 'alice', folder: copy, flags: disk.flags });
    await peer.start();
    await peer.stop();
    const [folder, file] = [copy, database(copy)].map((path) => statSync(path).mode & 0o777);
    assert.deepEqual([folder, file], [0o700, 0o600], 'it works on an open folder');
    return 'folder 0700, files 0600: another user (as root tries it) reads none; opened ones are closed again at the next start';
  },
};

const links: Attempt<Disk> = {
  by: 'L',
  tried: 'symbolic links in the data folder that lead to other files',
  async run(disk) {
    const victim = join(disk.root, 'victim');
    writeFileSync(victim, 'do not touch', { mode: 0o644 });
    const outcomes = [];
    for (const name of readdirSync(disk.folder)) {
      const said = await refusal(disk, (folder) => {
        renameSync(join(folder, name), join(disk.root, 'aside'));
        symlinkSync(victim, join(folder, name));
      }).catch((error: Error) => error.message);
      outcomes.push(`${name}: ${said.slice(0, 60)}`);
      assert.equal(readFileSync(victim, 'utf8'), 'do not touch', `${name} led outside`);
      assert.equal(statSync(victim).mode & 0o777, 0o644, `${name} led outside`);
    }
    return `nothing outside was written. ${outcomes.length} links tried`;
  },
};

const rolledBack: Attempt<Disk> = {
  by: 'T',
  tried: 'an older copy of the database put back (documented, not prevented)',
  async run(disk) {
    const copy = join(disk.root, 'older');
    cpSync(disk.folder, copy, { recursive: true });
    const peer = new PeerProcess({ name: 'alice', folder: copy, flags: disk.flags });
    const epochOf = async (text: string) => {
      const { status, json } = await peer.post('/send_msg', { to: 'sender', text });
      assert.equal(status, 202);
      return json.id.split('-')[0];
    };
    await peer.start();
    const before = await epochOf('numbered before');
    await peer.stop();
    copyFileSync(database(disk.folder), database(copy));
    await peer.start();
    const after = await epochOf('numbered afterwards');
    await peer.stop();
    assert.ok(
      peer.log.some((line) => line.includes('store_restored')),
      'it did not notice',
    );
    assert.notEqual(after, before, 'what is sent now would be taken for a repeat');
    return 'it starts, says store_restored, and numbers anew, so that nothing is taken for a repeat; what else it means stands in docs/OPERATION.md';
  },
};

export const DISK: readonly Attempt<Disk>[] = [
  stolen,
  wrongPassphrase,
  swappedPage,
  modes,
  links,
  rolledBack,
];
