/**
 * Goal: a store that cannot be opened says which of the many reasons it is, in a class and in
 * words, and is left as it was.
 * Method: real files, spoiled one way at a time, and compared byte by byte afterwards.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import Database from 'better-sqlite3-multiple-ciphers';
import t from 'tap';
import { openssl, type PrivateKey } from '../../src/crypto/index.ts';
import { StoreError } from '../../src/failures.ts';
import {
  changeStoreKey,
  exportIdentity,
  FileCovers,
  importIdentity,
  openStore,
  unpackBackup,
} from '../../src/store/index.ts';
import { UsedCovers } from '../../src/used-covers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { CHEAP, CHILD, filled, flip, open, options, refused, snapshot, utf8 } from './support.ts';

const derive = promisify(pbkdf2);
const passphrase = (text: string) => ({ key: { passphrase: utf8(text) } });

/** The database as the library sees it: the file format, without our code. */
function raw(folder: string): Database.Database {
  const key = readFileSync(join(folder, 'peer.key'), 'utf8').trim();
  const database = new Database(join(folder, 'peer.db'));
  database.pragma("cipher = 'aegis'");
  database.pragma(`key = "x'${key}'"`);
  return database;
}

interface Case {
  readonly name: string;
  readonly failure: string;
  readonly says: RegExp;
  readonly made?: Parameters<typeof options>[1];
  readonly opened?: Parameters<typeof options>[1];
  spoil?(folder: string): void;
}

const CASES: readonly Case[] = [
  {
    name: 'a wrong passphrase',
    made: passphrase('right'),
    opened: passphrase('wrong'),
    failure: 'wrong_key',
    says: /passphrase does not fit/,
  },
  {
    name: 'an empty passphrase',
    made: passphrase('right'),
    opened: passphrase(''),
    failure: 'wrong_key',
    says: /empty/,
  },
  {
    name: 'no passphrase where there is one',
    made: passphrase('right'),
    failure: 'wrong_key',
    says: /give it/,
  },
  {
    name: 'a passphrase where there is none',
    opened: passphrase('any'),
    failure: 'wrong_key',
    says: /not protected by a passphrase/,
  },
  {
    name: 'no key at all',
    spoil: (folder) => rmSync(join(folder, 'peer.key')),
    failure: 'wrong_key',
    says: /neither key.json nor peer.key/,
  },
  {
    name: 'the key of another database',
    spoil: (folder) => writeFileSync(join(folder, 'peer.key'), `${'5a'.repeat(32)}\n`),
    failure: 'wrong_key',
    says: /another key/,
  },
  {
    name: 'a key file cut short',
    spoil: (folder) => truncateSync(join(folder, 'peer.key'), 40),
    failure: 'damaged',
    says: /peer.key is damaged/,
  },
  {
    name: 'a sealed key with one flipped bit',
    made: passphrase('right'),
    opened: passphrase('right'),
    spoil: (folder) => {
      const path = join(folder, 'key.json');
      const text = readFileSync(path, 'utf8');
      writeFileSync(
        path,
        text.replace(/("box": ")(.)/, (_, b, c) => b + (c === '0' ? '1' : '0')),
      );
    },
    failure: 'damaged',
    says: /database key is damaged/,
  },
  {
    name: 'a sealed key that asks for a terabyte of memory',
    made: passphrase('right'),
    opened: passphrase('right'),
    spoil: (folder) => {
      const path = join(folder, 'key.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/"N": \d+/, `"N": ${2 ** 30}`));
    },
    failure: 'damaged',
    says: /database key is damaged/,
  },
  {
    name: 'an identity in the place of the key',
    made: passphrase('right'),
    opened: passphrase('right'),
    spoil: (folder) => {
      const path = join(folder, 'key.json');
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace('sotto database key', 'sotto identity'),
      );
    },
    failure: 'foreign',
    says: /not a sotto database key/,
  },
  {
    name: 'a database that is gone',
    spoil: (folder) => rmSync(join(folder, 'peer.db')),
    failure: 'damaged',
    says: /peer.db is not there, but a peer ran here; restore a backup/,
  },
  {
    name: 'a database that is empty',
    made: passphrase('right'),
    opened: passphrase('right'),
    spoil: (folder) => truncateSync(join(folder, 'peer.db')),
    failure: 'damaged',
    says: /peer.db is empty, but a peer ran here; restore a backup/,
  },
  {
    name: 'a damaged first page',
    spoil: (folder) => flip(join(folder, 'peer.db'), 3000),
    failure: 'damaged',
    says: /peer.db is damaged; restore a backup/,
  },
  {
    name: 'a database of another program',
    spoil: (folder) => {
      rmSync(join(folder, 'peer.db'));
      new Database(join(folder, 'peer.db')).exec('create table theirs (a)').close();
    },
    failure: 'foreign',
    says: /not a Sotto database/,
  },
  {
    name: 'a database of another program, and no key',
    spoil: (folder) => {
      rmSync(join(folder, 'peer.db'));
      rmSync(join(folder, 'peer.key'));
      new Database(join(folder, 'peer.db')).exec('create table theirs (a)').close();
    },
    failure: 'foreign',
    says: /not a Sotto database/,
  },
  {
    name: 'a text file',
    spoil: (folder) => writeFileSync(join(folder, 'peer.db'), 'Dear diary, '.repeat(2000)),
    failure: 'foreign',
    says: /not a Sotto database/,
  },
  {
    name: 'another program under our own key',
    spoil: (folder) => {
      const database = raw(folder);
      database.pragma('application_id = 77');
      database.close();
    },
    failure: 'foreign',
    says: /another program/,
  },
  {
    name: 'a newer version',
    spoil: (folder) => {
      const database = raw(folder);
      database.pragma('user_version = 99');
      database.close();
    },
    failure: 'foreign',
    says: /newer version/,
  },
];

t.test('each reason is told apart, and nothing is overwritten', async (t) => {
  for (const { name, failure, says, made, opened, spoil } of CASES) {
    const folder = await filled(t, made);
    spoil?.(folder);
    const before = snapshot(folder);
    const error = await refused(openStore(options(folder, opened)));
    t.equal(error.failure, failure, name);
    t.match(error.message, says, `${name}: says what it is`);
    t.strictSame(snapshot(folder), before, `${name}: nothing is overwritten`);
  }
});

t.test('a second process is refused as long as the first one lives', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  store.settings.set('mine', utf8('1'));
  t.equal((await refused(open(folder))).failure, 'busy', 'the same process, twice');
  const error = JSON.parse(
    execFileSync(process.execPath, [CHILD, 'try', folder], { encoding: 'utf8' }),
  );
  t.equal(error.failure, 'busy', 'another process');
  t.match(error.message, /another process/);
  const change = changeStoreKey(options(folder), { passphrase: utf8('new') });
  await t.rejects(change, /another process/, 'nor can the key change');
  t.strictSame(store.settings.get('mine'), utf8('1'));
  store.close();
  (await open(folder)).close();
});

t.test('a folder that cannot be used', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  for (const path of [join(folder, 'file'), join(folder, 'file', 'below'), '/proc/sotto']) {
    const error = await refused(open(path));
    t.equal(error.failure, 'unwritable', path);
    t.match(error.message, /choose another folder/);
  }
  const marks = new UsedCovers('/proc/sotto');
  t.throws(() => marks.claim(['0a'.repeat(32)]), { name: 'StoreError', failure: 'unwritable' });
  await t.rejects(new FileCovers('/proc/sotto').names(), { code: 'ENOENT' });
  if (process.getuid?.() === 0) {
    t.comment('SKIPPED: to root every mode is writable, so the mode itself is not tried');
  } else {
    mkdirSync(join(folder, 'locked'));
    chmodSync(join(folder, 'locked'), 0o500);
    t.equal((await refused(open(join(folder, 'locked')))).failure, 'unwritable');
  }
});

t.test('a key with which there are unfinished changes leaves them alone', async (t) => {
  const folder = temporaryFolder(t);
  const child = spawn(process.execPath, [CHILD, 'commit', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const count = await linesBeforeKill(child, 20);
  t.ok(readdirSync(folder).includes('peer.db-wal'), 'the changes are in the WAL only');
  const key = readFileSync(join(folder, 'peer.key'), 'utf8');
  writeFileSync(join(folder, 'peer.key'), `${'5a'.repeat(32)}\n`);
  const before = snapshot(folder);
  t.equal((await refused(open(folder))).failure, 'wrong_key');
  t.strictSame(snapshot(folder), before);
  writeFileSync(join(folder, 'peer.key'), key);
  const store = await open(folder);
  t.ok(store.inbox.unopened().length >= count, 'and the right key finds all of them');
  store.close();
});

t.test('an identity: out, in, and nowhere else', async (t) => {
  const privateKey = new Uint8Array(32).fill(9) as PrivateKey;
  const text = await exportIdentity(openssl, privateKey, utf8('secret'), CHEAP);
  t.strictSame(await importIdentity(openssl, text, utf8('secret')), privateKey);
  const again = await exportIdentity(openssl, privateKey, utf8('secret'), CHEAP);
  t.not(again, text, 'each export has its own salt');
  const failure = async (text: string, passphrase: string) => {
    try {
      await importIdentity(openssl, text, utf8(passphrase));
      return undefined;
    } catch (cause) {
      return cause instanceof StoreError ? cause.failure : cause;
    }
  };
  t.equal(await failure(text, 'guess'), 'wrong_key');
  t.equal(await failure(text.slice(0, -9), 'secret'), 'damaged');
  t.equal(await failure('', 'secret'), 'damaged');
  t.equal(await failure(text.replace('identity', 'database key'), 'secret'), 'foreign');
  t.notMatch(text, /09090909/);
});

t.test('a backup that is cut short leaves nothing, on a busy disk either', async (t) => {
  const from = temporaryFolder(t);
  mkdirSync(join(from, 'made'));
  writeFileSync(join(from, 'made/peer.key'), 'key');
  writeFileSync(join(from, 'made/peer.db'), new Uint8Array(40_000));
  const files = ['peer.key', 'peer.db'];
  execFileSync('tar', ['-cf', join(from, 'b.tar'), '-C', join(from, 'made'), ...files]);
  const cut = readFileSync(join(from, 'b.tar')).subarray(0, 20_000);
  // Files are opened by four threads; these keep them busy, so that it takes a while.
  let isBusy = true;
  const work = async () => {
    while (isBusy) await derive('a', 'b', 10_000, 32, 'sha256');
  };
  const busy = Array.from({ length: 8 }, work);
  for (const name of ['one', 'two', 'three']) {
    const to = join(from, name);
    const error = await unpackBackup(Readable.from([cut]), to).catch((cause) => cause);
    t.equal(error.failure, 'foreign');
  }
  isBusy = false;
  await Promise.all(busy);
  for (const name of ['one', 'two', 'three']) t.strictSame(readdirSync(join(from, name)), []);
});

/** Kills the child once it has printed so many lines; returns how often it had sent. */
async function linesBeforeKill(child: ChildProcess, wanted: number): Promise<number> {
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
    if (text.split('\n').length > wanted) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return text.match(/^sent .*\n/gm)?.length ?? 0;
}
