/**
 * Goal: who a peer is can be carried to another machine and back, and a passphrase changed,
 * without anything being overwritten or told.
 * Method: the real command on real folders.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { main } from '../../src/cli/index.ts';
import type { Io } from '../../src/cli/io.ts';
import { loadConfig } from '../../src/config.ts';
import { createPeer } from '../../src/peer.ts';
import { createLog, stdoutTerminal } from '../../src/surroundings.ts';
import { makeData } from '../support/data-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { typed } from '../support/typed.ts';

function workplace(t: Test) {
  const folder = temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  writeFileSync(at('words'), 'correct horse\nsecond line\n');
  writeFileSync(at('other'), 'battery staple\n');
  return at;
}

async function sotto(...args: string[]) {
  const printed: string[] = [];
  const said: string[] = [];
  const io: Io = {
    print: (line) => void printed.push(line),
    say: (line) => void said.push(line),
    paint: (_style, text) => text,
    read: async () => new Uint8Array(0),
    stdinIsTerminal: false,
  };
  const code = await main(['identity', ...args], io);
  return { code, printed: printed.join('\n'), said: said.join('\n') };
}

const show = async (...args: string[]) => {
  const { printed } = await sotto('show', '--json', ...args);
  return JSON.parse(printed) as { public_key: string; fingerprint: string };
};

t.test('export and import carry the identity to another folder', async (t) => {
  const at = workplace(t);
  const here = ['--data-dir', at('a')];
  const before = await makeData(at('a'));
  t.match(before, { public_key: /^[0-9a-f]{64}$/, fingerprint: /^\d{30}$/ });
  t.strictSame(await show(...here), before, 'and it stays');
  const { printed } = await sotto('show', ...here);
  const grouped = before.fingerprint.match(/.{5}/g)?.join(' ');
  t.ok(printed.endsWith(`fingerprint  ${grouped}`), 'people read fives');
  const words = ['--new-passphrase-file', at('words')];
  t.match(await sotto('export', '-o', at('id'), ...words, ...here), { code: 0 });
  t.equal(statSync(at('id')).mode & 0o777, 0o600);
  t.notMatch(readFileSync(at('id'), 'latin1'), before.public_key);
  t.match(await sotto('import', at('id'), ...words, '--data-dir', at('b')), { code: 0 });
  t.strictSame(await show('--data-dir', at('b')), before);

  t.match(await sotto('export', '-o', at('id'), ...words, ...here), { code: 2 }, 'nothing over it');
  const wrong = ['--new-passphrase-file', at('other'), '--data-dir', at('c')];
  const refused = await sotto('import', at('id'), ...wrong);
  t.equal(refused.code, 1);
  t.match(refused.said, /passphrase/);
  t.match(await sotto('import', at('words'), ...wrong), { code: 1 }, 'no identity');
  t.notOk(existsSync(at('c')), 'and nothing is made for it');
});

t.test('the passphrase changes, and the old one opens nothing', async (t) => {
  const at = workplace(t);
  const here = ['--data-dir', at('a')];
  const before = await makeData(at('a'));
  t.ok(existsSync(join(at('a'), 'peer.key')));
  const first = ['--new-passphrase-file', at('words')];
  t.match(await sotto('passphrase', ...first, ...here), { code: 0 });
  t.notOk(existsSync(join(at('a'), 'peer.key')));
  t.match(await sotto('show', ...here), { code: 1 }, 'it needs the passphrase now');
  const opened = ['--passphrase-file', at('words'), ...here];
  t.strictSame(await show(...opened), before);
  t.match(await sotto('passphrase', '--new-passphrase-file', at('other'), ...opened), { code: 0 });
  t.match(await sotto('show', ...opened), { code: 1 });
  t.match(await sotto('passphrase', '--key-file', '--passphrase-file', at('other'), ...here), {
    code: 0,
  });
  t.strictSame(await show(...here), before);
});

t.test('where no peer is, none is made to be shown or kept', async (t) => {
  const at = workplace(t);
  const words = ['--new-passphrase-file', at('words')];
  for (const args of [['show'], ['export', '-o', at('id'), ...words], ['passphrase', ...words]]) {
    const { code, said } = await sotto(...args, '--data-dir', at('typo'));
    t.equal(code, 3, args.join(' '));
    t.match(said, /no peer in .*typo/);
  }
  t.notOk(existsSync(at('typo')));
  t.notOk(existsSync(at('id')));
});

t.test('wrong words end with usage, and do nothing', async (t) => {
  const at = workplace(t);
  await makeData(at('a'));
  const here = ['--data-dir', at('a')];
  for (const args of [
    ['destroy'],
    ['export'],
    ['import'],
    ['passphrase'],
    ['import', at('none')],
  ]) {
    const { code, said } = await sotto(...args, ...here);
    t.equal(code, 2, args.join(' '));
    t.match(said, /^sotto: /);
  }
});

t.test('who sits at a terminal is asked for what opens the data, unseen', async (t) => {
  const at = workplace(t);
  const here = ['--data-dir', at('a')];
  const before = await makeData(at('a'));
  const [first, again] = [
    ['New passphrase: ', 'correct horse\r'],
    ['again: ', 'correct horse\r'],
  ] as const;
  const changed = await typed(['identity', 'passphrase', ...here], [first, again]);
  t.match(changed, { code: 0, seen: /The new passphrase opens the data now/ });
  const opening = ['Passphrase of the data: ', 'correct horse\r'] as const;
  const up = ['up', '--port', '0', ...here];
  const ran = await typed(up, [opening, ['listens at', '\x03']]);
  t.equal(ran.code, 0, ran.seen);
  t.notMatch(changed.seen + ran.seen, /horse/);
  const wrong = await typed(['inbox', ...here], [[opening[0], 'battery staple\r']]);
  t.match(wrong, { code: 1, seen: /\(wrong_key\)/ }, 'a command without a peer asks as well');

  const config = loadConfig(['--port', '0', ...here], { SOTTO_PASSPHRASE: 'correct horse' });
  const log = createLog('error');
  const peer = createPeer(config, { log, terminal: stdoutTerminal(false) });
  await peer.start();
  t.teardown(() => peer.stop());
  const file = [
    ['Passphrase for the file: ', 'staple\r'],
    ['again: ', 'staple\r'],
  ] as const;
  const exported = await typed(['identity', 'export', '-o', at('id'), ...here], [...file, opening]);
  t.match(exported, { code: 0, seen: /Written to/ });
  const taken = ['identity', 'import', at('id'), '--data-dir', at('b')];
  t.match(await typed(taken, [['Passphrase of the file: ', 'staple\r']]), { code: 0 });
  t.strictSame(await show('--data-dir', at('b')), before);
});
