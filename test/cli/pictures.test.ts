/**
 * Goal: files go into pictures and come out of them by the command line alone, and a script can
 * tell from the exit code what went wrong.
 * Method: covers made by `sotto cover` in a folder of their own; every command through `main`.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { EXIT } from '../../src/cli/errors.ts';
import { main } from '../../src/cli/index.ts';
import { decodePng, encodePng, type Picture } from '../../src/stego/coder.ts';
import { pictureOf } from '../stego/support/pictures.ts';
import { typed } from '../support/typed.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-pictures-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const words = ['--passphrase-file', at('words')];
const secret = 'the bridge at noon\n'.repeat(20);
writeFileSync(at('words'), 'correct horse\n');
writeFileSync(at('other'), 'wrong horse\n');
writeFileSync(at('secret'), secret);

async function sotto(...args: readonly string[]) {
  const out: string[] = [];
  const said: string[] = [];
  const [command = '', ...rest] = args;
  const code = await main([command, '--data-dir', at('data'), ...rest], {
    print: (line) => out.push(line),
    say: (line) => said.push(line),
    paint: (_style, text) => text,
    read: async () => readFileSync(at('secret')),
    stdinIsTerminal: false,
  });
  return { code, out: out.join('\n'), said: said.join('\n') };
}

const [UP, DOWN] = [0xffc440, 0x60b0ff];
const [GRAY, RED, INK] = [0x969ca4, 0xc4283c, 0x202226];
/** Left, top, width and height of two of the report's panels. */
const [CHANGES, VALUES] = [
  [688, 56, 320, 320],
  [16, 432, 320, 320],
] as const;

/** How many points of a place have one of these colours. */
function pointsOf(
  { width, planes }: Picture,
  [left, top, across, down]: readonly [number, number, number, number],
  ...colours: readonly number[]
): number {
  let count = 0;
  for (let y = top; y < top + down; y++) {
    for (let x = left; x < left + across; x++) {
      const [r = 0, g = 0, b = 0] = planes.map((plane) => plane[y * width + x]);
      if (colours.includes((r << 16) | (g << 8) | b)) count += 1;
    }
  }
  return count;
}

t.test('covers are made, and no two are the same', async (t) => {
  for (const name of ['one.png', 'two.png', 'three.png']) {
    t.equal((await sotto('cover', '-o', at(name), '--pixels', '160')).code, EXIT.done);
  }
  t.notSame(readFileSync(at('one.png')), readFileSync(at('two.png')));
  t.match((await sotto('cover', '-o', at('one.png'))).said, /--force/);
  t.equal((await sotto('cover', '-o', at('x.png'), '--depth', '12')).code, EXIT.usage);
});

t.test('hide and reveal are each other’s inverse', async (t) => {
  const report = ['--report', at('report.png')];
  const args = [at('one.png'), at('secret'), '-o', at('out.png'), ...report, ...words];
  const hidden = await sotto('hide', ...args);
  t.equal(hidden.code, EXIT.done, hidden.said);
  t.match(hidden.out, /out\.png: \d+\.\d+ dB, \d+ samples/);
  const drawn = decodePng(readFileSync(at('report.png'))).picture;
  t.match(drawn, { width: 1024, height: 864, colour: 'rgb' });
  // Each of its samples is a square of 2 × 2 points there.
  const [, changed] = / (\d+) samples changed/.exec(hidden.out) ?? [];
  t.equal(pointsOf(drawn, CHANGES, UP, DOWN), 4 * Number(changed), 'changes are drawn one by one');
  const bars = pointsOf(drawn, VALUES, GRAY);
  t.ok(bars > 500 && pointsOf(drawn, VALUES, RED) > 100, `${bars} points of the histogram`);
  for (const top of [16, 36, 392, 412, 756, 808, 828]) {
    t.ok(pointsOf(drawn, [16, top, 150, 14], INK) > 40, `words at line ${top}`);
  }
  const restore = ['--restore', at('back.png')];
  const revealed = await sotto('reveal', at('out.png'), '-o', at('got'), ...restore, ...words);
  t.equal(revealed.code, EXIT.done, revealed.said);
  t.equal(readFileSync(at('got'), 'utf8'), secret);
  const [cover, back] = ['one.png', 'back.png'].map((name) => decodePng(readFileSync(at(name))));
  t.strictSame(back?.picture, cover?.picture);
});

t.test('a cover is used once, unless forced', async (t) => {
  const again = ['hide', at('one.png'), at('secret'), '-o', at('again.png'), ...words];
  const refused = await sotto(...again.slice(0, -1), at('nowhere'));
  t.equal(refused.code, EXIT.noRoom);
  t.match(refused.said, /used before.*cover_used/);
  t.notOk(existsSync(at('again.png')), 'before anything else was done');
  const ofOurs = await sotto('hide', at('out.png'), at('secret'), '-o', at('x.png'), ...words);
  t.match(ofOurs.said, /used before.*cover_used/, 'nor what was made of one');
  t.equal((await sotto(...again, '--force')).code, EXIT.done);
  await sotto('cover', '-o', at('four.png'), '--pixels', '160');
  const twice = ['hide', at('four.png'), at('four.png'), at('secret'), '-o', at('twice.png')];
  const double = await sotto(...twice, ...words);
  t.match(double, { code: EXIT.noRoom, said: /given twice.*cover_used/ }, 'nor twice at once');
  await sotto('cover', '-o', at('race.png'), '--pixels', '160');
  const [a, b] = ['a', 'b'].map((name) =>
    sotto('hide', at('race.png'), at('secret'), '-o', at(`${name}.race.png`), ...words),
  );
  const codes = [(await a)?.code, (await b)?.code];
  t.strictSame(codes.sort(), [EXIT.done, EXIT.noRoom], 'nor by two commands that race');
  t.equal(readdirSync(folder).filter((name) => name.includes('.race.')).length, 1);
  // Who has it back does not answer in it.
  const there = ['--data-dir', at('bobs')];
  const restore = ['--restore', at('returned.png'), ...words];
  await sotto('reveal', at('out.png'), '-o', at('read'), ...restore, ...there);
  const { picture } = decodePng(readFileSync(at('out.png')));
  writeFileSync(at('recoded.png'), encodePng(picture, { before: [], after: [] }));
  for (const name of ['returned.png', 'out.png', 'recoded.png']) {
    const answer = ['hide', at(name), at('secret'), '-o', at('answer.png'), ...words];
    const refused = await sotto(...answer, ...there);
    t.match(refused, { code: EXIT.noRoom, said: /cover_used/ }, name);
  }
  t.notOk(existsSync(at('twice-1.png')));
});

t.test('too much for a cover is done, and said', async (t) => {
  await sotto('cover', '-o', at('full.png'), '--pixels', '96');
  const loud = await sotto('hide', at('full.png'), at('words'), '-o', at('loud.png'), ...words);
  t.equal(loud.code, EXIT.done, loud.said);
  t.match(loud.said, /bits a sample: who looks for hidden data may see/);
});

t.test('on a terminal a bar shows what share is done, in a pipe nothing does', async (t) => {
  await sotto('cover', '-o', at('bar.png'), '--pixels', '400');
  const args = ['hide', at('bar.png'), at('secret'), '-o', at('bar.out.png'), ...words, '--force'];
  const call = [process.execPath, 'scripts/sotto.mjs', ...args, '--data-dir', at('data')];
  const quoted = call.map((word) => `'${word}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', quoted, '/dev/null'], { encoding: 'utf8' });
  const shares = [...stdout.matchAll(/hiding in .*? (\d+) %/g)].map(([, share]) => Number(share));
  t.ok(new Set(shares).size > 2, `shares drawn: ${shares.join(' ')}`);
  t.strictSame(
    shares,
    [...shares].sort((a, b) => a - b),
    'it never falls',
  );
  const [command = '', ...rest] = call;
  const piped = spawnSync(command, rest, { encoding: 'utf8' });
  t.equal(piped.status, EXIT.done, piped.stderr);
  t.notMatch(piped.stderr, /%/);
});

t.test('a typed passphrase is asked for twice, and unseen', async (t) => {
  await sotto('cover', '-o', at('typed.png'), '--pixels', '96');
  const args = [
    'hide',
    at('typed.png'),
    at('words'),
    '-o',
    at('typed.out.png'),
    '--data-dir',
    at('data'),
  ];
  const { seen, code } = await typed(args, [
    ['Passphrase: ', 'horse\r'],
    ['again: ', 'cow\r'],
  ]);
  t.match(seen, /The two passphrases differ/);
  t.notMatch(seen, /horse|cow/);
  t.equal(code, EXIT.usage);
  t.notOk(existsSync(at('typed.out.png')));
});

t.test('a passphrase typed ahead of its second question is unseen, too', async (t) => {
  await sotto('cover', '-o', at('ahead.png'), '--pixels', '96');
  const args = ['hide', at('ahead.png'), at('words'), '-o', at('ahead.out.png')];
  const { seen, code } = await typed(
    [...args, '--data-dir', at('data')],
    [['Passphrase: ', 'horse\rhorse\r']],
  );
  t.match(seen, /again: /);
  t.notMatch(seen, /horse/);
  t.equal(code, EXIT.done, seen);
});

t.test('Ctrl-C at a question ends the command', async (t) => {
  const args = ['hide', at('typed.png'), at('words'), '-o', at('typed.out.png')];
  const ending = [['Passphrase: ', '\x03']] as const;
  const { seen, code } = await typed([...args, '--data-dir', at('data')], ending);
  t.equal(code, 130, seen);
});

t.test('Ctrl-C in the middle leaves nothing behind, and no cover used', async (t) => {
  await sotto('cover', '-o', at('cut.png'), '--pixels', '600');
  const args = [
    'hide',
    at('cut.png'),
    at('words'),
    '-o',
    at('cut.out.png'),
    ...words,
    '--data-dir',
    at('data'),
  ];
  const { code } = await typed(args, [['hiding in', '\x03']]);
  t.equal(code, 130);
  t.notOk(readdirSync(folder).some((name) => name.startsWith('cut.out.png')));
  const { used } = JSON.parse((await sotto('capacity', at('cut.png'), '--json')).out);
  t.equal(used, false);
});

t.test('several covers hold one file, in any order, and all are needed', async (t) => {
  const covers = [at('two.png'), at('three.png')];
  const report = ['--report', at('parts.png')];
  const args = [...covers, '-', '-o', at('part.png'), ...report, ...words, '--json'];
  const hidden = await sotto('hide', ...args);
  t.equal(hidden.code, EXIT.done, hidden.said);
  t.match(JSON.parse(hidden.out), [{ report: at('parts-1.png') }, { report: at('parts-2.png') }]);
  t.ok(existsSync(at('parts-1.png')) && existsSync(at('parts-2.png')), 'a report of each');
  const parts = [at('part-2.png'), at('part-1.png')];
  const back = ['--restore', at('cover.png'), ...words];
  t.equal((await sotto('reveal', ...parts, '-o', at('both'), ...back)).code, EXIT.done);
  t.equal(readFileSync(at('both'), 'utf8'), secret);
  const alone = await sotto('reveal', at('part-1.png'), '-o', at('half'), ...words);
  t.equal(alone.code, EXIT.noMessage);
  t.match(alone.said, /of 2 parts 2 is missing/);
  const same = [at('part-1.png'), at('part-1.png')];
  const twice = await sotto('reveal', ...same, '-o', at('half'), ...words);
  t.match(twice, { code: EXIT.noMessage, said: /part 1 is there twice.*part-1\.png/ });
  const other = await sotto('reveal', at('part-1.png'), at('out.png'), '-o', at('half'), ...words);
  t.match(other, { code: EXIT.noMessage, said: /belongs to another one.*parts_missing/ });
  t.notOk(existsSync(at('half')));
  for (const [i, cover] of covers.entries()) {
    const restored = decodePng(readFileSync(at(`cover-${i + 1}.png`)));
    t.strictSame(
      restored.picture,
      decodePng(readFileSync(cover)).picture,
      'in the order of hiding',
    );
  }
});

t.test('a file that is in the way leaves no other output, and no cover marked', async (t) => {
  for (const name of ['four.png', 'five.png'])
    await sotto('cover', '-o', at(name), '--pixels', '96');
  const ledger = () => readdirSync(at('data/used-covers'));
  const before = ledger();
  writeFileSync(at('way-2.png'), 'mine');
  const covers = [at('four.png'), at('five.png')];
  const cut = await sotto('hide', ...covers, at('other'), '-o', at('way.png'), ...words);
  t.equal(cut.code, EXIT.usage, cut.said);
  t.notOk(existsSync(at('way-1.png')), 'the first part was not left behind');
  const one = ['hide', at('four.png'), at('other'), '-o', at('way.png'), ...words];
  t.equal((await sotto(...one, '--report', at('way-2.png'))).code, EXIT.usage);
  t.equal(
    (await sotto(...one, '--report', at('way.png'), '--force')).code,
    EXIT.usage,
    'named twice',
  );
  mkdirSync(at('closed'));
  writeFileSync(at('closed/used-covers'), 'no folder');
  const unnoted = await sotto(...one, '--data-dir', at('closed'));
  t.equal(unnoted.code, EXIT.failed, 'a cover that cannot be noted is not used');
  t.notOk(
    readdirSync(folder).some((name) => /^way(\.|-1)/.test(name)),
    'not even in part',
  );
  t.strictSame(ledger(), before);
  t.equal((await sotto(...one)).code, EXIT.done, 'and the cover is good for one message still');
  const restore = ['--restore', at('way-2.png'), ...words];
  t.equal((await sotto('reveal', at('way.png'), '-o', at('early'), ...restore)).code, EXIT.usage);
  t.notOk(existsSync(at('early')), 'both come out, or none');
  t.equal(readFileSync(at('way-2.png'), 'utf8'), 'mine');
});

t.test('a cover of which nothing came out is not used up', async (t) => {
  await sotto('cover', '-o', at('nowhere.png'), '--pixels', '96');
  const call = ['scripts/sotto.mjs', 'hide', at('nowhere.png'), at('words'), '-o', '-', ...words];
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [...call, '--data-dir', at('data')], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  t.equal(status, EXIT.failed, stderr);
  t.match(stderr, /stdout cannot be written: .*\(full\)/);
  const { used } = JSON.parse((await sotto('capacity', at('nowhere.png'), '--json')).out);
  t.equal(used, false);
});

t.test('a descriptor reaches the command also by way of an older Node', async (t) => {
  const older = `Object.defineProperty(process, 'versions', { value: { node: '20.0.0' } })`;
  const asOlder = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
  const reveal = ['scripts/sotto.mjs', 'reveal', at('out.png'), '-o', '-', '--passphrase-fd'];
  const [descriptor, none] = [openSync(at('words'), 'r'), 'ignore' as const];
  const stdio = [none, 'pipe', 'pipe', none, none, none, none, none, descriptor] as const;
  for (const [option, code] of [
    [['8'], EXIT.done],
    [['99'], EXIT.usage],
  ] as const) {
    const { execPath } = process;
    const ended = spawnSync(execPath, [...asOlder, ...reveal, ...option], { stdio: [...stdio] });
    t.equal(ended.status, code, ended.stderr.toString());
    t.equal(ended.stdout.toString(), code === EXIT.done ? secret : '');
  }
  closeSync(descriptor);
});

t.test('what cannot be done has its own exit code, and writes nothing', async (t) => {
  writeFileSync(at('large'), new Uint8Array(100_000));
  await sotto('cover', '-o', at('spare.png'), '--pixels', '96');
  const square = { width: 40, height: 40, depth: 16, colour: 'gray' } as const;
  const noise = pictureOf({ ...square, kind: 'noise', seed: 1 });
  writeFileSync(at('noise.png'), encodePng(noise, { before: [], after: [] }));
  const out = ['-o', at('never'), ...words];
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [
      ['hide', at('spare.png'), at('large'), ...out],
      EXIT.noRoom,
      /holds \d+ bytes, the file has 100000: .* × \d+ pixels/,
    ],
    [['hide', at('noise.png'), '/dev/null', ...out], EXIT.noRoom, /holds nothing.*take another/],
    [['hide', at('noise.png'), at('spare.png'), '-', ...out], EXIT.noRoom, /nothing.*leave it out/],
    [['reveal', at('two.png'), ...out], EXIT.noMessage, /no message for this key/],
    [
      ['reveal', at('out.png'), '-o', at('never'), '--passphrase-file', at('other')],
      EXIT.noMessage,
      /no message/,
    ],
    [['reveal', at('secret'), ...out], EXIT.usage, /not a PNG/],
    [['reveal', at('nowhere'), ...out], EXIT.usage, /it is not there/],
    [['hide', at('spare.png'), '/dev/zero', ...out], EXIT.usage, /more than \d+ bytes/],
    [['hide', at('spare.png'), at('secret'), '-o', at('never')], EXIT.usage, /--passphrase-file/],
    [['hide', at('secret'), ...out], EXIT.usage, /COVER and FILE/],
    [
      ['hide', at('spare.png'), at('secret'), '-o', at('never'), '--passphrase-fd', 'one'],
      EXIT.usage,
      /descriptor, not one/,
    ],
    [['hide', at('spare.png'), '-', '-o', at('never'), '--passphrase-fd', '0'], EXIT.usage, /both/],
    [['hide', at('two.png'), at('secret'), '--profile', 'x', ...out], EXIT.usage, /no profile x/],
    [['hide', at('spare.png'), at('secret'), '--report', '-', ...out], EXIT.usage, /name a file/],
    [['reveal', at('out.png'), '--restore', '-', ...out], EXIT.usage, /name a file/],
    [['cover', '-o', '-'], EXIT.usage, /name a file/],
    [['covers', '1', '-o', '-'], EXIT.usage, /name a file/],
  ];
  for (const [args, code, why] of cases) {
    const ended = await sotto(...args);
    t.equal(ended.code, code, args.slice(0, 2).join(' '));
    t.match(ended.said, why);
  }
  t.notOk(existsSync(at('never')));
  t.notOk(existsSync('-'), 'no file is called so by mistake');
});

t.test('capacity says what fits, how it looks, and what would be needed', async (t) => {
  const { out } = await sotto('capacity', at('two.png'), '--size', '200', '--json');
  const room = JSON.parse(out);
  t.ok(room.bytes > 200 && room.psnr_dB > 50 && room.used, out);
  const much = await sotto('capacity', at('two.png'), '--size', '900000');
  t.match(much, { code: EXIT.noRoom, out: /need a picture like this of some \d+ × \d+ pixels/ });
  const quiet = /up to (\d+) bytes stay below 0\.02 bits a sample, about \d+\.\d dB/;
  t.match((await sotto('capacity', at('two.png'))).out, quiet);
  const all = await sotto('capacity', at('two.png'), at('three.png'), '--json');
  t.match(JSON.parse(all.out), { covers: [{ bytes: room.bytes }, {}] });
  const none = await sotto('capacity', at('noise.png'), '--size', '0');
  t.match(none, { code: EXIT.noRoom, out: /nothing fits.*too noisy: take another/s });
  const mixed = await sotto('capacity', at('noise.png'), at('two.png'), '--size', '9');
  t.match(mixed, { code: EXIT.noRoom, out: /noise\.png holds nothing: leave it out/ });
  const double = await sotto('capacity', at('two.png'), at('two.png'), '--size', '9');
  t.match(double, { code: EXIT.noRoom, out: /one of them is given twice/ });
  t.match(double.out, `together: ${room.bytes} bytes`, 'and counted once');
  t.equal((await sotto('capacity', at('two.png'), '--size', 'much')).code, EXIT.usage);
  t.equal((await sotto('capacity', at('two.png'), '--profile', 'best')).code, EXIT.usage);
});

t.test('as many bytes as capacity says fit, and not one more', async (t) => {
  await sotto('cover', '-o', at('exact.png'), '--pixels', '64');
  const { bytes } = JSON.parse((await sotto('capacity', at('exact.png'), '--json')).out);
  t.ok(bytes > 50, `${bytes} bytes`);
  const hide = ['hide', at('exact.png'), at('exact'), '-o', at('filled.png'), ...words];
  writeFileSync(at('exact'), new Uint8Array(bytes + 1));
  t.equal((await sotto(...hide)).code, EXIT.noRoom);
  writeFileSync(at('exact'), new Uint8Array(bytes));
  t.equal((await sotto(...hide)).code, EXIT.done);
});
