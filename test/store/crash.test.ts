/**
 * Goal: what the store said is durable is there after a kill at any moment, whole and once; the
 * passphrase is the old one or the new one; and nothing on disk can be read without it.
 * Method: child processes on real files, killed at random moments while they write, and what they
 * had printed held against what the next start finds. Then every byte of every file is searched.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StoreError } from '../../src/failures.ts';
import type { Store } from '../../src/messenger/index.ts';
import { openStore } from '../../src/store/index.ts';
import { rounds } from '../support/counts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { CHILD, contact, joined, open, options, received, utf8 } from './support.ts';

/** Runs the child until it printed `lines` lines and `extra_ms` more, and kills it. */
async function runAndKill(args: readonly string[], lines: number, extra_ms: number) {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child: ChildProcess = spawn(process.execPath, [CHILD, ...args], { stdio: [...stdio] });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    const before = text.split('\n').length;
    text += chunk;
    if (before <= lines && text.split('\n').length > lines) {
      setTimeout(() => child.kill('SIGKILL'), extra_ms);
    }
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL', 'the child ran until it was killed');
  // The last line may be cut; nobody has read it.
  return text.split('\n').slice(0, -1);
}

/** What the child printed, as what must be found. */
class Ledger {
  readonly sent = new Map<string, string>();
  large: bigint[] = [];
  removed = 0n;

  note(line: string): void {
    const [verb, number = '', ...words] = line.split(' ');
    if (verb === 'sent') this.sent.set(number, words.join(' '));
    if (verb === 'large') this.large.push(BigInt(number));
    if (verb === 'removed') this.removed = BigInt(number);
  }

  compare(t: Test, store: Store): void {
    const alice = store.contacts.all()[0]?.id ?? 0;
    const came = store.inbox.unopened().map(({ row }) => text(joined(store.inbox.content(row))));
    t.equal(new Set(came).size, came.length, 'nothing twice');
    const missing = [...this.sent.values()].filter((message) => !came.includes(message));
    t.strictSame(missing, [], 'everything that was said to be in the inbox is');

    const items = store.outbox.pending(alice, 0n, 1e6, 2 ** 30);
    const whole = new Map(items.map((item) => [`${item.sequence}`, item]));
    const lost = [...this.sent].filter(([sequence, message]) => {
      const item = whole.get(sequence);
      if (item === undefined) return BigInt(sequence) >= this.lowestKept(store, alice);
      return text(item.content) !== message;
    });
    t.strictSame(lost, [], 'everything that was said to be in the outbox is, under its sequence');
    const starts = this.large
      .filter((first) => first >= this.lowestKept(store, alice))
      .map((first) => {
        const slices = [0n, 1n, 2n].map((part) => whole.get(`${first + part}`));
        return slices.map((slice) => text(slice?.content.subarray(0, 1) ?? utf8('?'))).join('');
      });
    const broken = starts.filter((start) => start !== 'abc');
    t.strictSame(broken, [], 'each large content is there with all its slices');
    t.ok(store.outbox.lowest(alice) >= this.removed, 'what was removed stays away');
    const count = store.outbox.count(alice);
    t.equal(count.items, items.length, 'the counts fit');
    const bytes = items.reduce((sum, { content }) => sum + content.length, 0);
    t.equal(count.bytes, bytes);
  }

  /** The child removes two at a time, and may have been killed before it could say so. */
  lowestKept(store: Store, contact: number): bigint {
    const lowest = store.outbox.lowest(contact);
    return lowest <= this.removed + 3n ? lowest : this.removed;
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

t.test('a kill at any moment loses nothing that was said to be durable', async (t) => {
  const folder = temporaryFolder(t);
  const ledger = new Ledger();
  for (let kill = 0; kill < rounds({ reduced: 6, full: 100 }); kill += 1) {
    const lines = 10 + Math.floor(Math.random() * 200);
    for (const line of await runAndKill(['commit', folder], lines, Math.random() * 4)) {
      ledger.note(line);
    }
    const store = await open(folder);
    ledger.compare(t, store);
    store.close();
  }
  t.ok(ledger.sent.size > 20, `${ledger.sent.size} messages`);
});

t.test('a changed passphrase is the old one or the new one, whenever the kill comes', async (t) => {
  const folder = temporaryFolder(t);
  const keys = ['one', '-', 'two'];
  const key = (index: number) => {
    const word = keys[index];
    return word === '-' || word === undefined ? 'key file' : { passphrase: utf8(word) };
  };
  const made = await openStore(options(folder, { key: key(0) }));
  made.settings.set('kept', utf8('still here'));
  made.close();
  let current = 0;
  for (let kill = 0; kill < rounds({ reduced: 8, full: 200 }); kill += 1) {
    // The child counts from its own first key: turn the list so that it is the current one.
    const turned = keys.map((_, index) => keys[(index + current) % keys.length] ?? '-');
    const lines = 1 + Math.floor(Math.random() * 6);
    const said = await runAndKill(['change', folder, ...turned], lines, Math.random() * 3);
    const last = /^(?:from (\d) to (\d)|now (\d))$/.exec(said.at(-1) ?? '');
    const back = (index: string) => (Number(index) + current) % keys.length;
    const possible = [last?.[1], last?.[2], last?.[3]].flatMap((i) => (i ? [back(i)] : []));
    if (last?.[3]) possible.push((back(last[3]) + 1) % keys.length);
    current = await theOneThatOpens(
      t,
      folder,
      keys.map((_, i) => key(i)),
      possible,
    );
  }
});

async function theOneThatOpens(
  t: Test,
  folder: string,
  keys: readonly Parameters<typeof openStore>[0]['key'][],
  possible: readonly number[],
): Promise<number> {
  const fits: number[] = [];
  for (const [index, key] of keys.entries()) {
    try {
      const store = await openStore(options(folder, { key }));
      t.strictSame(store.settings.get('kept'), utf8('still here'));
      store.close();
      fits.push(index);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      t.equal(cause.failure, 'wrong_key');
    }
  }
  t.equal(fits.length, 1, 'exactly one of the keys opens it');
  t.ok(possible.includes(fits[0] ?? -1), 'and it is one that it may be');
  return fits[0] ?? 0;
}

t.test('no file holds a readable byte of content, names, keys or times', async (t) => {
  const folder = temporaryFolder(t);
  const secret = utf8('the passphrase itself');
  const store = await openStore(options(folder, { key: { passphrase: secret } }));
  const at = new Date(0x191_2345_6789);
  const words = [
    'alice-contact',
    'plain text',
    'slice-slice-',
    'address.example',
    'setting',
    'temp_bmp',
  ];
  const publicKey = new Uint8Array(32).map((_, i) => i + 60) as never;
  const address = 'http://address.example:5001';
  const alice = store.contacts.insert(contact('alice-contact', { address, publicKey })).id;
  store.settings.set('setting', utf8('setting value'));
  store.readings.add([
    { contact: alice, name: 'temp_bmp', unit: 'Cel', at, sure: true, value: 21.5 },
  ]);
  for (let i = 0; i < 300; i += 1) {
    store.outbox.append(alice, utf8(`plain text ${i}`), at);
    store.inbox.add({ ...received(alice, 1n, BigInt(i)), at }, utf8(`plain text ${i}`));
  }
  const staged = store.outbox.stage(alice, at);
  for (let i = 0; i < 40; i += 1) staged.append(utf8('slice-'.repeat(10_000)));
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigInt64(0, BigInt(at.getTime()));
  const needles = [...words.map(utf8), publicKey, secret, time.subarray(2)];

  const search = (when: string) => {
    const names = readdirSync(folder);
    for (const name of names) {
      const file = readFileSync(join(folder, name));
      for (const needle of needles) {
        // Six bytes may stand once in megabytes of noise, which is not a row of what was written.
        const first = file.indexOf(needle);
        const found = needle.length > 6 ? first : file.indexOf(needle, first + 1);
        t.equal(found, -1, `${when}: ${name} holds ${needle.length} bytes of it`);
      }
      const isText = name === 'key.json' || name === 'peer.run';
      if (!isText) t.ok(entropy(file) > 7.9, `${when}: ${name} looks random`);
    }
    return names;
  };
  t.strictSame(
    search('open').sort(),
    ['key.json', 'peer.db', 'peer.db-wal', 'peer.run'],
    'no other file',
  );
  staged.queue();
  store.outbox.remove(alice, 100n, []);
  search('after removing');
  store.close();
  t.strictSame(search('closed').sort(), ['key.json', 'peer.db', 'peer.run']);
});

/** Bits a byte of the distribution of bytes: 8 for random data, 4 or 5 for text. */
function entropy(file: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of file) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts.reduce((sum, n) => sum - (n && (n / file.length) * Math.log2(n / file.length)), 0);
}
