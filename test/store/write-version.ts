/**
 * Writes a store with something in every table: `node test/store/write-version.ts FOLDER`. Made
 * vectors/store-version-1, which is not to be made again: it stands for the files people have.
 */
import type { Store } from '../../src/messenger/index.ts';
import { contact, NOW, open, received, utf8 } from './support.ts';

function fill(store: Store): void {
  const publicKey = new Uint8Array(32).fill(7) as never;
  const alice = store.contacts.insert(contact('alice', { publicKey, verified: true })).id;
  const bob = store.contacts.insert(contact('bob', { address: undefined })).id;
  store.outbox.append(alice, utf8('first'), NOW);
  store.outbox.append(alice, utf8('second'), NOW);
  store.outbox.remove(alice, 1n, []);
  const staged = store.outbox.stage(alice, NOW);
  for (const part of ['one ', 'two ', 'three']) staged.append(utf8(part));
  staged.queue();
  store.inbox.add(received(bob, 2n ** 64n - 1n, 5n), utf8('came'));
  store.inbox.addPart(received(bob, 9n, 1n), { index: 1, count: 2 }, utf8('half'));
  store.inbox.saveWindow(bob, 'outbox', { epoch: 9n, state: utf8('state') });
  store.readings.add([
    { contact: bob, name: 'temp_bmp', unit: 'Cel', at: NOW, sure: true, value: 21.5 },
  ]);
  store.settings.set('static_key', utf8('secret'));
}

const store = await open(process.argv[2] ?? 'store');
fill(store);
store.close();
