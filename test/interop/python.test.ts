/**
 * Goal: docs/PROTOCOL.md is enough to write a peer from. One in Python was, by reading nothing
 * else; it computed test/vectors, and here it meets, and talks to, a whole peer of this program.
 * Method: peer.py in this folder, driven by lines of JSON; the other side by its HTTP routes. Each
 * walk has fresh keys and fresh ports. Needs Debian's python3-cryptography.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { meet, type Pair, pair, post, startPython } from './pair.ts';
import { pythonMissing, runPython } from './python-peer.ts';
import { type Json, SottoPeer, until } from './sotto-peer.ts';

const skip = pythonMissing() ?? false;
const MIB = 1_048_576;

t.test('its Noise reproduces the published vectors', { skip }, async (t) => {
  const { status, output } = runPython('check_noise.py');
  t.equal(status, 0, output);
});

t.test('the vectors are what it computes', { skip }, async (t) => {
  const { status, output } = runPython('vectors.py', '--check');
  t.equal(status, 0, output);
});

/** Both sides show the same, and it is what the other one shows. */
async function compare(t: Test, { sotto, python }: Pair): Promise<void> {
  const shown = await python.until('code');
  await python.until('session');
  await until('a session', async () => (await sotto.contact('py'))['session'] === 'current');
  const { code, key_check, fingerprint } = await sotto.contact('py');
  t.strictSame([code, key_check], [shown['code'], shown['key_check']]);
  t.equal(fingerprint, shown['fingerprint']);
  await sotto.call('/verify', { to: 'py', code: String(code) });
  t.equal((await sotto.contact('py'))['verified'], true);
}

/** One message each way, acknowledged. */
async function talk(t: Test, { sotto, python }: Pair, about = 'grüezi'): Promise<void> {
  const sent = await sotto.call('/send_msg', { to: 'py', text: about, wait: 30 });
  t.equal(sent['delivered'], true, `${about} is acknowledged`);
  t.match(await python.until('message'), { kind: 'text', text: about });
  await python.do('text', { contact: 'sotto', text: `${about} yourself` });
  t.match(await sotto.open(), [{ type: 'text', text: `${about} yourself` }]);
  await python.until('acknowledged');
}

t.test('they meet by XX, whoever goes first', { skip }, async (t) => {
  const walks: Readonly<Record<string, (pair: Pair) => Promise<unknown>>> = {
    async 'this program first'({ sotto, python }) {
      await sotto.call('/send_keys', { to: 'py' });
      await python.until('kept');
      await python.do('meet', { contact: 'sotto' });
    },
    async 'Python first'({ sotto, python }) {
      await python.do('meet', { contact: 'sotto' });
      await until('a kept XX1', async () => (await sotto.show())['waiting']?.toString() !== '');
      t.equal((await sotto.call('/send_keys', { to: 'py' }))['state'], 'established');
    },
    async 'both at once'({ sotto, python }) {
      await Promise.all([
        sotto.call('/send_keys', { to: 'py' }),
        python.do('meet', { contact: 'sotto' }),
      ]);
    },
    async 'over a link that loses replies'({ sotto, python }) {
      await sotto.call('/send_keys', { to: 'py' });
      await python.until('kept');
      await python.do('lose', { replies: 2 });
      await python.do('meet', { contact: 'sotto' });
    },
    async 'over a link that loses answers'({ sotto, python }) {
      await python.do('meet', { contact: 'sotto' });
      await until('a kept XX1', async () => (await sotto.show())['waiting']?.toString() !== '');
      await python.do('lose', { answers: 2 });
      t.equal((await sotto.fetch('/send_keys', { to: 'py' })).status, 502, 'not yet');
    },
  };
  for (const [name, walk] of Object.entries(walks)) {
    await t.test(name, async (t) => {
      const both = await pair(t);
      await walk(both);
      await compare(t, both);
      await talk(t, both);
    });
  }
});

t.test('they pair by a code, whoever made it', { skip }, async (t) => {
  for (const lost of [{}, { replies: 2, answers: 1 }]) {
    const both = await pair(t);
    const { sotto, python, address } = both;
    const { code } = await sotto.call('/pair');
    await python.do('lose', lost);
    await python.do('use_code', { contact: 'sotto', code });
    await python.until('session', { pattern: 'XXpsk3', initiator: true });
    t.equal((await sotto.contact('py'))['verified'], true);
    await talk(t, both);

    const others = await pair(t);
    const made = await others.python.do('make_code', { contact: 'sotto' });
    await others.python.do('lose', lost);
    await others.sotto.fetch('/send_keys', { code: String(made['with_address']) });
    await others.python.until('session', { pattern: 'XXpsk3', initiator: false });
    await until('verified', async () => (await others.sotto.contact('py'))['verified'] === true);
    await talk(t, others);
    t.not(address, others.address);
  }
});

t.test('a wrong code is refused, and the right one still works', { skip }, async (t) => {
  const both = await pair(t);
  const { sotto, python } = both;
  const { code } = await sotto.call('/pair');
  const wrong = '000G4-0R40M-30E20-9185G-R38E1-W5T5V';
  await python.do('use_code', { contact: 'sotto', code: wrong });
  await until('a refusal', async () => ((await sotto.refused())['unauthenticated'] ?? 0) > 0);
  const { bundle } = await python.do('last_bundle');
  for (let time = 0; time < 6; time += 1) await post(sotto, Buffer.from(String(bundle), 'hex'));
  t.equal((await sotto.contact('py'))['public_key'], undefined);
  await python.do('forget', { contact: 'sotto' });
  await python.do('meet', { contact: 'sotto' });
  t.match(await python.until('status'), { code: 4, about: 1 }, 'plain XX is refused meanwhile');
  await python.do('use_code', { contact: 'sotto', code });
  await python.until('session', { pattern: 'XXpsk3' });
  await talk(t, both);
});

t.test('a restart of either side meets again by KK and loses nothing', { skip }, async (t) => {
  const both = await meet(t);
  await both.python.stop();
  const waiting = await both.sotto.call('/send_msg', { to: 'py', text: 'while you slept' });
  t.equal(waiting['delivered'], false);
  const { peer: python } = await startPython(t, both.pythonStore, both.pythonPort);
  t.match(await python.until('message'), { text: 'while you slept' });
  t.match(await python.until('session'), { pattern: 'KKpsk0', initiator: false });
  await talk(t, { ...both, python });

  await both.sotto.stop();
  await python.do('text', { contact: 'sotto', text: 'and while you did' });
  await python.until('no_exchange');
  const sotto = await SottoPeer.start('sotto', both.sottoFolder, both.sotto.port);
  t.teardown(() => sotto.stop());
  t.match(await sotto.open(), [{ text: 'and while you did' }]);
  t.match(await python.until('session'), { pattern: 'KKpsk0' });
  await talk(t, { ...both, python, sotto });
  t.equal(python.count('message'), 0, 'nothing came twice');
});

t.test('KK by either side, also over a bad link', { skip }, async (t) => {
  const both = await meet(t);
  for (const [lost, status] of [
    [{}, 200],
    [{ replies: 2, answers: 2 }, 502],
  ] as const) {
    await both.python.do('lose', lost);
    const answer = await both.sotto.fetch('/send_keys', { to: 'py' });
    t.equal(answer.status, status, await answer.text());
    t.match(await both.python.until('session'), { pattern: 'KKpsk0', initiator: false });
    await both.python.do('lose', lost);
    await both.python.do('renew', { contact: 'sotto' });
    await both.python.until('session', { pattern: 'KKpsk0', initiator: true });
    await talk(t, both);
  }
});

t.test('a file of 1 MiB goes both ways in parts', { skip }, async (t) => {
  const { sotto, python } = await meet(t);
  const data = randomBytes(MIB);
  const sha256 = createHash('sha256').update(data).digest('hex');
  const path = '/send_msg?to=py&name=K%C3%A4se.bin';
  t.equal((await sotto.fetch(path, data)).status, 202);
  t.match(await python.until('message'), { kind: 'file', name: 'Käse.bin', size: MIB, sha256 });

  const file = join(temporaryFolder(t), 'zurück.bin');
  writeFileSync(file, data);
  await python.do('file', { contact: 'sotto', path: file, media_type: 'application/x-any' });
  const [message] = await sotto.open();
  t.match(message, {
    type: 'file',
    name: 'zurück.bin',
    size: MIB,
    media_type: 'application/x-any',
  });
  const answer = await sotto.fetch(String(message?.['content']));
  t.equal(
    createHash('sha256')
      .update(await answer.bytes())
      .digest('hex'),
    sha256,
  );
});

t.test('a peer with a small max_frame gets small slices', { skip }, async (t) => {
  const { sotto, python } = await meet(t, '--max-frame', '600');
  const data = randomBytes(20_000);
  await sotto.fetch('/send_msg?to=py&name=a', data);
  const sha256 = createHash('sha256').update(data).digest('hex');
  t.match(await python.until('message'), { kind: 'file', sha256 });
  t.match((await python.do('state'))['refusals'], {});
});

t.test('letters go both ways, are acknowledged, and are taken once', { skip }, async (t) => {
  const { sotto, python } = await meet(t);
  const path = join(temporaryFolder(t), 'letter.sotto');
  const written = await sotto.fetch('/send_msg', { to: 'py', text: 'dear Py', carrier: 'file' });
  writeFileSync(path, await written.bytes());
  await python.do('read_letter', { path });
  t.match(await python.until('message'), { letter: true, text: 'dear Py' });
  await python.do('read_letter', { path });
  await python.until('refused', { reason: 'replayed', type: 9 });

  await python.do('letter', { contact: 'sotto', text: 'dear Sotto', path });
  const letter = new Uint8Array(readFileSync(path));
  t.match(await sotto.call('/receive', letter), { from: 'py', messages: 1 });
  t.match(await sotto.open(), [{ carrier: 'file', text: 'dear Sotto' }]);
  await python.until('letter_acknowledged');
  t.equal((await sotto.fetch('/receive', letter)).status, 409);

  await python.do('letter', { contact: 'sotto', text: 'by wire' });
  t.match(await sotto.open(), [{ text: 'by wire' }]);
  await python.until('letter_acknowledged');
});

t.test('what nobody understands is acknowledged and noticed', { skip }, async (t) => {
  const { sotto, python } = await meet(t);
  for (const content of ['63', '01c328', '0205', '']) {
    const [sequence] = (await python.do('content', { contact: 'sotto', content }))[
      'sequences'
    ] as number[];
    t.match(await python.until('message'), { kind: 'notice', sequence, reason: 2 });
    await python.until('acknowledged');
  }
  t.equal((await sotto.refused())['malformed'], 0);
});

t.test('who cannot be called pairs by a code and hears by polling', { skip }, async (t) => {
  const sotto = await SottoPeer.start('sotto', temporaryFolder(t));
  t.teardown(() => sotto.stop());
  const { peer: python } = await startPython(t, join(temporaryFolder(t), 'py'), 0, '--uncallable');
  await python.do('contact', { contact: 'sotto', address: sotto.origin });
  const { code } = await sotto.call('/pair');
  await python.do('use_code', { contact: 'sotto', code });
  await python.until('session', { pattern: 'XXpsk3' });
  await sotto.call('/send_msg', { to: 'py', text: 'for your next call' });
  await python.do('poll', { contact: 'sotto' });
  t.match(await python.until('message'), { text: 'for your next call' });
  await until('an ACK', async () => {
    const { queued } = await sotto.contact('py');
    return (queued as Json)['messages'] === 0;
  });
});
