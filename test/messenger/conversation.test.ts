/**
 * Goal: what was said with a contact can be looked at, both ways, with how far each message is;
 * and what was opened stays, so that an answer that got lost has lost nothing. What others write
 * neither commands the terminal nor passes for somebody else's.
 * Method: two messengers on real stores, on a wire that the test holds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Contacts } from '../../src/messenger/contacts.ts';
import type { TalkMessage } from '../../src/messenger/index.ts';
import { contact, open } from '../store/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { pairedPeers, readTexts, Side, text, until, Wire } from './support.ts';

const talk = (side: Side, limit = 50) => side.messenger.conversation({ limit }).messages;
const states = (side: Side) => talk(side).map(({ direction, state }) => `${direction} ${state}`);

t.test('a message is queued, then sent, then delivered; sealed, then opened', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  wire.harm = () => 'lose_request';
  await alice.messenger.sendMessage(text('one'));
  await until(() => states(alice)[0] === 'out queued');
  t.match(talk(alice)[0], { with: 'bob', content: { text: 'one' }, verified: undefined, size: 4 });

  let letGo: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const exchange = wire.exchange.bind(wire);
  wire.harm = () => 'pass';
  wire.exchange = async (...request) => {
    const reply = await exchange(...request);
    await held;
    return reply;
  };
  await until(() => states(alice)[0] === 'out sent');
  letGo();
  await until(() => states(alice)[0] === 'out delivered');

  const [sealed] = talk(bob);
  t.match(sealed, { state: 'sealed', content: undefined, isFile: false, with: 'alice' });
  const row = sealed?.row ?? 0;
  t.match(bob.messenger.openMessage(row), { content: { text: 'one' }, from: 'alice' });
  t.match(bob.printed.at(-1), /alice \(not verified\): one/);
  t.match(talk(bob)[0], { state: 'opened', content: { type: 'text', text: 'one' } });
  const printed = bob.printed.length;
  t.match(bob.messenger.openMessage(row), { content: { text: 'one' } }, 'and again');
  t.equal(bob.printed.length, printed, 'which prints nothing anew');
  t.throws(() => bob.messenger.openMessage(row + 1), /there is no message/);
});

t.test('it is there after a new start, and goes with its contact', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  await alice.messenger.sendMessage({ ...text('to stay'), wait_ms: 60_000 });
  bob.messenger.decryptMessages({});
  t.strictSame(states(alice), ['out delivered'], 'and its row is taken off the outbox');
  // Nobody is called while he is down: the wire of this test knows no refused connection.
  wire.harm = () => 'lose_request';
  await sleep(20);
  for (const side of [alice, bob]) {
    await side.stop();
    await side.start();
  }
  t.strictSame([...states(alice), ...states(bob)], ['out delivered', 'in opened']);
  t.throws(() => alice.messenger.conversation({ with: 'carol', limit: 5 }), /no contact is called/);
  alice.messenger.removeContact('bob');
  bob.messenger.removeContact('alice');
  t.strictSame(talk(alice), [], 'what was sent is forgotten');
  t.match(talk(bob), [{ with: 'a removed contact' }], 'what was received stays');
});

t.test('pages of both ways, in order, none missing and none twice', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  for (let number = 0; number < 12; number += 1) {
    const from = number % 3 === 0 ? alice : bob;
    await from.messenger.sendMessage({ ...text(String(number)), wait_ms: 60_000 });
    // Of two in one millisecond nobody knows which came first; and a timer may be early by one.
    for (const sent_ms = Date.now(); Date.now() < sent_ms + 2; ) await sleep(1);
  }
  alice.messenger.decryptMessages({});
  const seen: TalkMessage[] = [];
  let page = alice.messenger.conversation({ with: 'bob', limit: 5 });
  for (;;) {
    seen.push(...page.messages);
    if (page.before === undefined) break;
    page = alice.messenger.conversation({ with: 'bob', limit: 5, before: page.before });
  }
  const texts = seen.map(({ content }) => (content?.type === 'text' ? Number(content.text) : -1));
  t.strictSame(
    texts,
    Array.from({ length: 12 }, (_, index) => 11 - index),
  );
});

t.test('a large file tells how many of its parts have arrived', async (t) => {
  const { wire, alice, bob } = await pairedPeers(t);
  let exchanges = 0;
  wire.harm = () => {
    exchanges += 1;
    return exchanges > 2 ? 'lose_request' : 'pass';
  };
  const size = 3_000_000;
  const bytes = (async function* () {
    yield new Uint8Array(size);
  })();
  const file = { type: 'file' as const, name: 'scan.tif', mediaType: 'image/tiff', bytes };
  await alice.messenger.sendMessage({ content: file });
  await until(() => (talk(alice)[0]?.parts?.done ?? 0) > 0);
  const [message] = talk(alice);
  const { done = 0, count = 0 } = message?.parts ?? {};
  t.ok(done < count && count > 40, `${done} of ${count}`);
  t.match(message, { isFile: true, content: { type: 'file', name: 'scan.tif', size } });
  wire.harm = () => 'pass';
  await until(() => states(alice)[0] === 'out delivered');
  t.equal(talk(alice)[0]?.parts, undefined);
  t.match(talk(bob)[0], { isFile: true, state: 'sealed', content: undefined });
});

t.test('of a long text a list has the start, opening has it whole', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const long = 'ß'.repeat(100_000);
  await alice.messenger.sendMessage({ ...text(long), wait_ms: 60_000 });
  const row = talk(bob)[0]?.row ?? 0;
  t.match(bob.messenger.openMessage(row), { content: { text: long } });
  for (const [message] of [talk(alice), talk(bob)]) {
    t.equal(message?.isCut, true);
    const { text: shown = '' } = message?.content?.type === 'text' ? message.content : {};
    t.ok(shown.length === 8_191 && long.startsWith(shown), `${shown.length} characters`);
  }
  await alice.messenger.sendMessage({ ...text('short'), wait_ms: 60_000 });
  t.equal(talk(alice)[0]?.isCut, false);
});

t.test('a letter counts as sent until its writer hears that it arrived', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const { letter } = await alice.messenger.writeLetter(text('by hand'));
  t.match(talk(alice)[0], { state: 'sent', carrier: 'file', content: { text: 'by hand' } });
  await bob.messenger.readLetter(letter);
  await until(() => states(alice)[0] === 'out delivered');
});

t.test('whoever listens hears that something changed, never what', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const heard: string[] = [];
  const stop = bob.messenger.listen(({ kind, contact }) => heard.push(`${kind} ${contact}`));
  await alice.messenger.sendMessage({ ...text('a secret'), wait_ms: 60_000 });
  bob.messenger.decryptMessages({});
  t.match(new Set(heard), new Set(['arrived alice', 'opened undefined']));
  t.notMatch(heard.join(), /secret/);
  stop();
  const count = heard.length;
  await alice.messenger.sendMessage({ ...text('another'), wait_ms: 60_000 });
  t.equal(heard.length, count);
});

t.test('text commands no terminal', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  await alice.messenger.sendMessage({ ...text('\u001b[2J\u0007boo\u202e'), wait_ms: 60_000 });
  bob.messenger.decryptMessages({});
  t.equal(bob.printed.at(-1), 'alice (not verified): \\u{1b}[2J\\u{7}boo\\u{202e}');
});

t.test('no line of a text passes for one of the peer, or of somebody else', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const forged = 'compare with alice: code 111111, key check 0000000000000000';
  for (const end of ['\n', '\r\n', '\r', '\u000b', '\u000c', '\u0085', '\u2028', '\u2029']) {
    const words = `hi${end}${forged}${end}mom: lend me 500`;
    await alice.messenger.sendMessage({ ...text(words), wait_ms: 60_000 });
    bob.messenger.decryptMessages({});
    const lines = (bob.printed.at(-1) ?? '').split(/[\n\r\v\f\u0085\u2028\u2029]/);
    t.match(lines[0], /^alice \(not verified\): hi/);
    for (const line of lines.slice(1)) t.match(line, /^ {2}\| (compare|mom)/);
  }
  const joined = '👨‍👩‍👧 می‌خواهم';
  await alice.messenger.sendMessage({ ...text(joined), wait_ms: 60_000 });
  bob.messenger.decryptMessages({});
  t.equal(
    bob.printed.at(-1),
    `alice (not verified): ${joined}`,
    'what joins letters is no command',
  );
});

t.test('a text comes as it was sent, whatever it begins with', async (t) => {
  const { alice, bob } = await pairedPeers(t);
  const words = ['\ufeffwith a mark', '\ufeff\ufeff', '\u0000', ' ', '\u{10ffff}'];
  for (const each of words) await alice.messenger.sendMessage({ ...text(each), wait_ms: 60_000 });
  t.strictSame(readTexts(bob), words);
  t.strictSame(
    talk(bob).map(({ content }) => content?.type === 'text' && content.text),
    words.toReversed(),
  );
});

t.test('who brings a name that a contact has, but for capitals, gets a number', async (t) => {
  const store = await open(temporaryFolder(t));
  t.teardown(() => store.close());
  const contacts = new Contacts(store.contacts);
  contacts.insert(contact('ben'));
  const wished = ['BEN', 'Ben\u200b', 'ben', ' ben ', 'benn'];
  t.strictSame(
    wished.map((name) => contacts.freeName(name)),
    ['BEN-2', 'Ben-2', 'ben-2', 'ben-2', 'benn'],
  );
});

t.test('what is larger than a peer takes is not kept, and its sender is told', async (t) => {
  const wire = new Wire();
  const alice = await new Side(t, wire, 'alice').start();
  const bob = await new Side(t, wire, 'bob', { contentSizeMax: 100_000 }).start();
  await alice.messenger.sendKeys({ to: 'bob', address: bob.address });
  await bob.messenger.sendKeys({ to: 'alice', address: alice.address });
  for (const size of [200_000, 90_000]) {
    const sent = await alice.messenger.sendMessage({ ...text('x'.repeat(size)), wait_ms: 60_000 });
    t.equal(sent.delivered, true, `${size} bytes are acknowledged`);
  }
  t.strictSame(
    readTexts(bob).map(({ length }) => length),
    [90_000],
  );
  await until(() => alice.messenger.show().contacts[0]?.unopened === 1);
  readTexts(alice);
  t.match(alice.printed.at(-1), /was not kept: too large$/);
});
