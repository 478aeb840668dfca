/**
 * A process to be killed. It prints what it was told is durable, one line each, and nothing that
 * was not: `node child.ts VERB FOLDER …`.
 */
import { writeSync } from 'node:fs';
import { StoreError } from '../../src/failures.ts';
import { changeStoreKey, type StoreKey } from '../../src/store/index.ts';
import { contact, open, options, received, utf8 } from './support.ts';

const [verb, folder = '', ...rest] = process.argv.slice(2);

/** Reaches the pipe before the next step, so that the reader knows no less than happened. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Says whether the store opens. */
async function tryToOpen(): Promise<void> {
  try {
    (await open(folder)).close();
    print('{}');
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    print(JSON.stringify({ failure: cause.failure, message: cause.message }));
  }
}

/** Commits for ever: to outbox and inbox, whole and in slices, removing as it goes. */
async function commit(): Promise<void> {
  const store = await open(folder);
  const known = store.contacts.all()[0]?.id;
  const alice = known ?? store.contacts.insert(contact('alice')).id;
  for (let round = store.inbox.list({ limit: 1 })[0]?.row ?? 0; ; round += 1) {
    const content = utf8(`message ${round}`);
    const sequence = store.transaction(() => {
      store.inbox.add(received(alice, 1n, BigInt(round)), content);
      return store.outbox.append(alice, content, new Date());
    });
    print(`sent ${sequence} message ${round}`);
    if (round % 3 === 0) {
      const staged = store.outbox.stage(alice, new Date());
      for (const part of ['a', 'b', 'c']) staged.append(utf8(part.repeat(3000)));
      print(`large ${staged.queue()}`);
    }
    if (round % 5 === 0) {
      const next = store.outbox.lowest(alice) + 2n;
      store.outbox.remove(alice, next, []);
      print(`removed ${next}`);
    }
  }
}

/** Changes the passphrase back and forth for ever; says before and after each change. */
async function change(): Promise<void> {
  const keys = rest.map(
    (text): StoreKey => (text === '-' ? 'key file' : { passphrase: utf8(text) }),
  );
  for (let i = 0; ; i += 1) {
    const [from, to] = [i % keys.length, (i + 1) % keys.length];
    print(`from ${from} to ${to}`);
    const key = keys[from] ?? 'key file';
    await changeStoreKey(options(folder, { key }), keys[to] ?? 'key file');
    print(`now ${to}`);
  }
}

const verbs: Readonly<Record<string, () => Promise<void>>> = { try: tryToOpen, commit, change };
await verbs[verb ?? '']?.();
