/**
 * Goal: two people who know only the command line pair, talk, and carry a letter.
 * Method: two real `sotto up`, as careful as they are by default; the other commands run here,
 * on the peers' folders, as a shell would run them one after the other.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import jsQR from 'jsqr';
import t, { type Test } from 'tap';
import { main } from '../../src/cli/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const home = temporaryFolder(t);

async function up(t: Test, name: string): Promise<void> {
  const args = ['up', '--name', name, '--port', '0', '--data-dir', join(home, name)];
  const child = fork('scripts/sotto.mjs', args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'message');
}

/** What `sotto COMMAND` prints for the owner of a folder, and how it ends. */
async function sotto(name: string, command: string, ...args: readonly string[]) {
  const out: string[] = [];
  const words: string[] = [];
  const code = await main([command, '--data-dir', join(home, name), ...args], {
    print: (line) => void out.push(line),
    say: (line) => void words.push(line),
    paint: (_style, text) => text,
    read: async () => new Uint8Array(),
    stdinIsTerminal: false,
  });
  return { code, out: out.join('\n'), words: words.join('\n') };
}

const DOT = 4;
/** What a phone reads off a terminal where ink is light. */
function scanned(words: string): string | undefined {
  const rows = words.split('\n').filter((line) => /[█▀▄]/.test(line));
  const width = (rows[0]?.length ?? 0) * DOT;
  const height = rows.length * 2 * DOT;
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const character = rows[Math.floor(y / DOT / 2)]?.[Math.floor(x / DOT)] ?? ' ';
      const inks = Math.floor(y / DOT) % 2 === 0 ? '█▀' : '█▄';
      if (!inks.includes(character)) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  const read = jsQR as unknown as typeof jsQR.default;
  return read(pixels, width, height)?.data;
}

t.test('two people meet by a pairing code and talk', async (t) => {
  await Promise.all([up(t, 'alice'), up(t, 'bob')]);

  const early = await sotto('alice', 'send', 'too early');
  t.match(early, { code: 4, out: '', words: /\(no_contact\)$/ });

  const made = await sotto('alice', 'pair', '--qr');
  const code = /^sotto pair (\S+)$/.exec(made.out)?.[1] ?? '';
  t.match(made, { code: 0, words: /Type this on the other side before/ });
  t.equal(scanned(made.words), code, 'a camera reads the same');
  const wrong = await sotto(
    'bob',
    'pair',
    code.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
  );
  t.match(wrong, { code: 2, words: /\(invalid_code\)$/ }, 'a slip of the pen is noticed');
  t.match(
    await sotto('bob', 'pair', code),
    { code: 0, out: /paired with alice,/ },
    'by its own name',
  );
  for (const [name, other] of [
    ['alice', 'bob'],
    ['bob', 'alice'],
  ] as const) {
    const { out } = await sotto(name, 'contacts');
    t.match(out, new RegExp(`^${other} .* paired  verified  0 queued  0 unopened$`));
  }
  const own = /^sotto pair (\S+)$/.exec((await sotto('alice', 'pair')).out)?.[1] ?? '';
  t.not(own, code, 'the next code is another one');
  t.match(await sotto('alice', 'pair', own), { code: 4 }, 'and not for its own peer');

  const sent = await sotto('alice', 'send', '--wait', '30', 'see you at nine');
  t.match(sent, { code: 0, out: /^delivered for bob {2}[0-9a-f]{16}-[0-9a-f]{16}$/ });
  t.match(await sotto('bob', 'inbox'), { code: 0, out: /alice: see you at nine$/ });
  t.match(await sotto('bob', 'inbox'), { code: 0, out: '', words: 'Nothing new.' });

  const file = join(home, 'scan.bin');
  writeFileSync(
    file,
    Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251),
  );
  t.match(await sotto('bob', 'send', '--file', file, '--wait', '30'), { code: 0 });
  const saved = join(home, 'saved');
  t.match(await sotto('alice', 'inbox', '--save', saved), {
    out: /\[file scan\.bin, 300000 bytes/,
  });
  const [name = ''] = readdirSync(saved);
  t.ok(readFileSync(join(saved, name)).equals(readFileSync(file)), 'every byte');

  const letter = join(home, 'note.sotto');
  t.match(await sotto('alice', 'send', '--letter', letter, 'carried by hand'), { code: 0 });
  t.notMatch(readFileSync(letter, 'latin1'), 'carried');
  t.match(await sotto('bob', 'receive', letter), { code: 0, out: '1 new from alice' });
  t.match(await sotto('bob', 'receive', letter), { code: 4, words: /\(letter_repeated\)$/ });
  t.match(await sotto('bob', 'inbox'), { out: /alice: carried by hand$/ });
});
