/**
 * Goal: a picture goes only where it is taken, is acknowledged whichever way there is, and holds
 * nothing but what the contact whose key it was has written.
 * Method: messengers on real stores in one process; a wire that the test can harm; pictures made
 * by hand for what no peer of ours would send.
 */
import t from 'tap';
import { openssl, systemRandomBytes } from '../../src/crypto/index.ts';
import type { UseCaseFailure } from '../../src/messenger/index.ts';
import { letterContentMax, letterSize } from '../../src/messenger/letters.ts';
import { PictureWork } from '../../src/messenger/picture-work.ts';
import { encodeBundle, imageKeyOf } from '../../src/protocol/index.ts';
import { encodePng, hide, phantom } from '../../src/stego/coder.ts';
import { pairedPeers, readTexts, realClock, Side, text, until } from './support.ts';

let seed = 1;
const fresh = (size = 90) =>
  encodePng(phantom({ size, depth: 8, seed: seed++ }), { before: [], after: [] });
const picture = (words: string, carry = false) => ({
  ...text(words),
  carry,
  cover: { name: 'cover.png', png: fresh() },
});
const refusal = (failure: UseCaseFailure, message: RegExp) => ({ failure, message });

t.test('the room that a letter takes is known before it is written', async (t) => {
  const { alice } = await pairedPeers(t);
  for (const size of [1, 15, 16, 17, 100, 65_300, 65_400, 65_500, 131_000]) {
    const words = 'x'.repeat(size);
    const { letter } = await alice.messenger.writeLetter(text(words));
    t.equal(letterSize(size + 1), letter.length, `${size} bytes of text`);
    t.equal(letterContentMax(letter.length) >= size + 1, true);
    t.ok(letterSize(letterContentMax(letter.length) + 1) > letter.length);
  }
});

t.test('to whom pictures cannot go they are refused, and may be carried', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const stranger = alice.messenger.sendPicture({ ...picture('hi'), to: 'nobody' });
  await t.rejects(stranger, refusal('unknown_contact', /nobody/));
  const before = alice.messenger.contacts().find(({ name }) => name === 'bob');
  t.equal((before?.capabilities ?? 0) & 4, 4, 'bob takes pictures, and says so');
  await alice.changeContact('bob', { capabilities: 0 });
  await t.rejects(
    alice.messenger.sendPicture(picture('hi')),
    refusal('unsupported', /no pictures/),
  );
  await alice.changeContact('bob', { capabilities: 4, address: undefined });
  await t.rejects(alice.messenger.sendPicture(picture('hi')), refusal('unsupported', /be called/));
  const { png } = await alice.messenger.sendPicture(picture('by hand', true));
  t.match(await bob.messenger.readPicture(png), { from: 'alice', messages: 1 });
  t.strictSame(readTexts(bob), ['by hand']);
});

t.test('who cannot be called back is told in the reply to its next packet', async (t) => {
  const { alice, bob, wire } = await pairedPeers(t);
  await alice.messenger.sendMessage({ ...text('the session stands'), wait_ms: 60_000 });
  wire.peers.delete(alice.address);
  const sent = await alice.messenger.sendPicture({ ...picture('one way'), wait_ms: 60_000 });
  t.equal(sent.delivered, true);
  t.strictSame(readTexts(bob), ['the session stands', 'one way']);
  const [contact] = alice.messenger.show().contacts;
  t.strictSame(contact?.pictures, { count: 0, bytes: 0 });
  const { messages } = alice.messenger.conversation({ limit: 10 });
  t.match(messages[0], { direction: 'out', carrier: 'image', state: 'delivered', id: sent.id });
});

t.test('how far a picture is that is being made, is told', async (t) => {
  const { alice } = await pairedPeers(t);
  const shares: (number | undefined)[] = [];
  alice.messenger.listen(({ kind, share }) => void (kind === 'hiding' && shares.push(share)));
  await alice.messenger.sendPicture({
    ...picture('far'),
    cover: { name: 'c.png', png: fresh(400) },
  });
  t.ok(shares.length > 0);
  for (const share of shares) t.ok(share !== undefined && share >= 0 && share <= 1, `${share}`);
});

t.test('what waits is bounded, and dropped with a key that was the wrong one', async (t) => {
  const { alice, bob, wire } = await pairedPeers(t);
  wire.harm = () => 'lose_request';
  for (let i = 0; i < 31; i += 1) await alice.messenger.sendPicture(picture(`${i}`));
  // All find room when they begin; those that find none at their end have used no cover.
  const last = ['32', '33', '34', '35', '36'].map((words) => picture(words));
  const ended = await Promise.allSettled(last.map((each) => alice.messenger.sendPicture(each)));
  for (const [i, { status }] of ended.entries()) {
    const cover = last[i]?.cover.png ?? new Uint8Array();
    const { used } = await alice.messenger.forecastCover({ cover });
    t.equal(used, status === 'fulfilled', `${status}: used ${used}`);
  }
  t.equal(ended.filter(({ status }) => status === 'rejected').length, 4);
  await t.rejects(alice.messenger.sendPicture(picture('37')), refusal('queue_full', /32 pictures/));
  const [contact] = alice.messenger.show().contacts;
  t.equal(contact?.pictures.count, 32);
  t.match(alice.messenger.conversation({ limit: 1 }).messages, [{ state: 'queued' }]);
  const code = contact?.comparison?.code ?? '';
  alice.messenger.verify({ to: 'bob', code, differs: true });
  t.equal(alice.messenger.show().contacts[0]?.pictures.count, 0);
  await alice.stop();
  await alice.start();
  t.equal(alice.messenger.show().contacts[0]?.pictures.count, 0, 'also after a restart');
  t.strictSame(readTexts(bob), []);
});

t.test('an acknowledgement that comes as the last before the end is kept', async (t) => {
  const { alice, bob, wire } = await pairedPeers(t);
  wire.harm = () => 'lose_request';
  await alice.messenger.sendPicture(picture('hi'));
  const isPicture = ({ length }: Uint8Array) => length > 1_000;
  await until(() => wire.seen.some(isPicture));
  const before = wire.seen.length;
  await bob.messenger.readPicture(wire.seen.find(isPicture) ?? new Uint8Array());
  const ofBob = () => wire.seen.slice(before).find((bundle) => !isPicture(bundle));
  await until(() => ofBob() !== undefined);
  const { messenger } = alice;
  const settle = messenger.settle.bind(messenger);
  let last: Promise<unknown> | undefined;
  messenger.settle = () => {
    last = messenger.receive(ofBob() ?? new Uint8Array());
    settle();
  };
  await alice.stop();
  await last;
  await alice.start();
  t.equal(alice.messenger.show().contacts[0]?.pictures.count, 0, 'it is not sent again');
  t.strictSame(readTexts(bob), ['hi']);
});

t.test('what is asked of a store that was closed is refused as that', async (t) => {
  const { alice } = await pairedPeers(t);
  const { messenger } = alice;
  await alice.stop();
  const closed = { name: 'StoreError', failure: 'closed', message: /stopping/ };
  await t.rejects(messenger.writeLetter(text('too late')), closed);
  t.throws(() => messenger.decryptMessages({}), closed);
});

t.test('a letter of another contact in a picture is refused', async (t) => {
  const { alice, bob, wire } = await pairedPeers(t);
  const carol = await new Side(t, wire, 'carol').start();
  await carol.messenger.sendKeys({ to: 'bob', address: bob.address });
  await bob.messenger.sendKeys({ to: 'carol', address: carol.address });
  const [ofAlice, ofCarol] = [alice, carol].map(({ messenger }) => messenger);
  if (ofAlice === undefined || ofCarol === undefined) throw new Error('both run');
  const { letter } = await ofAlice.writeLetter({ ...text('from alice'), to: 'bob' });
  const bobsKey = ofCarol.contacts().find(({ name }) => name === 'bob')?.publicKey;
  if (bobsKey === undefined) throw new Error('carol has met bob');
  const key = imageKeyOf(openssl, carol.dh(bobsKey));
  const hidden = async (payload: Uint8Array) => (await hide(fresh(), payload, key)).png;
  const refused = refusal('picture_unreadable', /no letter of the contact/);
  await t.rejects(bob.messenger.readPicture(await hidden(letter)), refused, 'of alice');
  const noise = encodeBundle([systemRandomBytes(100)]);
  await t.rejects(bob.messenger.readPicture(await hidden(noise)), refused, 'of nobody');
  await t.rejects(bob.messenger.readPicture(await hidden(new Uint8Array())), refused, 'empty');
  t.strictSame(readTexts(bob), []);
  t.strictSame(bob.messenger.restoredCovers(), [], 'nor is the cover kept');
  const own = await ofCarol.writeLetter({ ...text('from carol'), to: 'bob' });
  t.match(await bob.messenger.readPicture(await hidden(own.letter)), { from: 'carol' });
});

t.test('the line of pictures is bounded, and empties', async (t) => {
  const { bob } = await pairedPeers(t);
  const cover = fresh();
  const enter = (source: string) => bob.messenger.receivePicture(cover, source);
  const busy = { name: 'UseCaseError', failure: 'busy' };
  enter('a');
  enter('a');
  t.throws(() => enter('a'), busy, 'two from one address');
  for (const source of ['b', 'b', 'c', 'c', 'd', 'd']) enter(source);
  t.throws(() => enter('e'), busy, 'eight in all');
  const { unauthenticated = 0 } = bob.messenger.show().refused;
  await until(() => (bob.messenger.show().refused['unauthenticated'] ?? 0) === unauthenticated + 8);
  enter('a');
});

t.test('what waits in the line of pictures is bounded in bytes, too', async (t) => {
  const { bob } = await pairedPeers(t);
  const large = new Uint8Array(30 * 1024 * 1024);
  const enter = (png: Uint8Array, source: string) => bob.messenger.receivePicture(png, source);
  enter(large, 'a');
  enter(large, 'b');
  t.throws(() => enter(large, 'c'), { name: 'UseCaseError', failure: 'busy' }, '90 MiB');
  enter(fresh(), 'c');
  const { malformed = 0 } = bob.messenger.show().refused;
  await until(() => (bob.messenger.show().refused['malformed'] ?? 0) === malformed + 2);
  enter(large, 'c');
});

t.test(
  'a picture that takes too long is ended with its thread, and the next one is read',
  async (t) => {
    let isLate = true;
    const waited: number[] = [];
    const sleep = (ms: number) => {
      waited.push(ms);
      return isLate ? Promise.resolve() : new Promise<void>(() => undefined);
    };
    const work = new PictureWork({ ...realClock, sleep }, () => undefined);
    t.teardown(() => work.close());
    const [cover, keys] = [fresh(), [systemRandomBytes(32)]];
    await t.rejects(work.reveal(cover, keys), { failure: 'too_large', message: /more than 120 s/ });
    await t.rejects(work.capacity(cover, 1), {
      failure: 'cover_unusable',
      message: /more than 120 s/,
    });
    isLate = false;
    await t.rejects(work.reveal(cover, keys), { name: 'StegoError', failure: 'no_message' });
    t.strictSame(waited, [120_000, 120_000, 120_000]);
  },
);
