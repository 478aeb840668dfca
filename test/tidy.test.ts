/**
 * Goal: the house stays as docs/ARCHITECTURE.md draws it.
 * Method: read every source file once and hold it against the tables of support/house-rules.ts;
 * then hold one made-up offender against each rule, so that no rule can go blind unnoticed.
 */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import * as rules from './support/house-rules.ts';
import { readSources, toSource } from './support/sources.ts';

const src = readSources('src/**/*.ts');
const tests = readSources('test/**/*.ts');
const scripts = readSources('{scripts,bench}/**/*.ts');
/** These play others as well, so they may use any package. */
const judges = readSources('{attack,fuzz,soak}/**/*.ts');
const everything = [...src, ...tests, ...scripts, ...judges];
/** This file quotes offenders. */
const otherTests = tests.filter(({ path }) => path !== 'test/tidy.test.ts');

t.test('the tree keeps every rule', async (t) => {
  t.ok(src.length > 0, 'sources were found');
  t.strictSame(src.flatMap(rules.wrongDirection), [], 'imports point down');
  t.strictSame(src.flatMap(rules.behindTheIndex), [], 'folders are entered by their index');
  t.strictSame(src.flatMap(rules.impurity), [], 'pure folders stay pure');
  t.strictSame([...src, ...scripts].flatMap(rules.strayPackage), [], 'packages stay at home');
  t.strictSame([...src, ...scripts].flatMap(rules.readsEnvironment), [], 'one environment reader');
  t.strictSame(src.flatMap(rules.bareLimit), [], 'limits leave statements compiled');
  t.strictSame(otherTests.flatMap(rules.silencedTest), [], 'no test is silenced');
  t.strictSame(everything.flatMap(rules.longFunction), [], 'functions fit on a screen');
  t.strictSame(everything.flatMap(rules.longFile), [], 'files hold one idea');
  const rooted = src.some(({ path }) => path === 'src/peer.ts');
  if (rooted) t.strictSame(rules.deadFiles(src, scripts), [], 'no file is dead');
});

t.test('the house is drawn whole', async (t) => {
  const drawn = readFileSync('docs/ARCHITECTURE.md', 'utf8');
  const rooms = readdirSync('src').filter((name) => !new RegExp(`src/${name}\\b`).test(drawn));
  t.strictSame(rooms, []);
});

t.test('the page keeps to the same sizes', async (t) => {
  const web = readSources('src/web/*.js');
  t.ok(web.length > 20, 'modules were found');
  t.strictSame(web.flatMap(rules.longFunction), [], 'functions fit on a screen');
  t.strictSame(web.flatMap(rules.longFile), [], 'files hold one idea');
  const styles = globSync('src/web/*.css').map((path) => ({
    path,
    text: readFileSync(path, 'utf8'),
  }));
  t.strictSame(styles.flatMap(rules.longFile), []);
});

t.test('firmware files hold one idea too', async (t) => {
  const generated = /\/(vendor|build)\/|\/vectors\.h$/;
  const files = globSync('hardware/**/*.{c,h}').filter((path) => !generated.test(path));
  const read = files.map((path) => ({ path, text: readFileSync(path, 'utf8') }));
  t.strictSame(read.flatMap(rules.longFile), []);
});

t.test('each rule finds its offender', async (t) => {
  const offender = (path: string, text: string) => toSource(path, text);
  const cases: readonly (readonly [rules.Rule, string, string])[] = [
    [rules.wrongDirection, 'src/protocol/x.ts', "import { a } from '../messenger/index.ts';"],
    [rules.wrongDirection, 'src/protocol/x.ts', "import type { A } from '../store/index.ts';"],
    [rules.wrongDirection, 'src/protocol/x.ts', "const a = await import('../link/index.ts');"],
    [rules.wrongDirection, 'src/link/x.ts', "import { a } from '../messenger/index.ts';"],
    [rules.wrongDirection, 'src/link/x.ts', "export * from '../store/index.ts';"],
    [rules.wrongDirection, 'src/messenger/x.ts', "import { a } from '../peer.ts';"],
    [rules.wrongDirection, 'src/attic/x.ts', 'export const a = 1;'],
    [rules.behindTheIndex, 'src/protocol/x.ts', "import { a } from '../crypto/suite.ts';"],
    [rules.behindTheIndex, 'src/crypto/x.ts', "import {\n  a,\n  type B,\n} from './index.ts';"],
    [rules.impurity, 'src/protocol/x.ts', 'export const now = () => Date.now();'],
    [rules.impurity, 'src/protocol/x.ts', 'const at: Date = new Date();'],
    [rules.impurity, 'src/crypto/x.ts', 'const hex = Buffer.from(key);'],
    [rules.impurity, 'src/stego/x.ts', "import { inflateSync } from 'node:zlib';"],
    [rules.impurity, 'src/crypto/x.ts', "import { readFileSync } from 'node:fs';"],
    [rules.strayPackage, 'src/store/x.ts', "import { randomBytes } from 'node:crypto';"],
    [rules.strayPackage, 'src/link/x.ts', "import { gcm } from '@noble/ciphers/aes.js';"],
    [rules.strayPackage, 'src/routes/x.ts', "import { inflateSync } from 'node:zlib';"],
    [rules.readsEnvironment, 'src/link/x.ts', "const home = process.env['HOME'];"],
    [rules.silencedTest, 'test/x.test.ts', "t.skip('later', async () => {});"],
    [rules.bareLimit, 'src/store/x.ts', "prepare('select a from b order by c limit ?');"],
    [rules.silencedTest, 'test/x.test.ts', "t.test('this one', { only: true }, f);"],
    [rules.longFunction, 'src/link/x.ts', `const f = () => {${'\n'.repeat(60)}};`],
    [rules.longFunction, 'src/link/x.ts', `class A { #f(): void {${'\n'.repeat(60)}} }`],
    [rules.longFile, 'src/link/x.ts', 'f();\n'.repeat(401)],
  ];
  for (const [rule, path, text] of cases) {
    t.equal(rule(offender(path, text)).length, 1, `${rule.name}: ${text.slice(0, 50).trim()}`);
  }
});

t.test('what the rules allow stays allowed', async (t) => {
  const cases: readonly (readonly [rules.Rule, string, string])[] = [
    [rules.wrongDirection, 'src/link/x.ts', "import type { A } from '../messenger/index.ts';"],
    [rules.behindTheIndex, 'src/protocol/x.ts', "import { a } from '../bytes.ts';"],
    [rules.impurity, 'src/protocol/x.ts', '/** Not process.env, nor Date.now(). */'],
    [rules.impurity, 'src/stego/png-door.ts', "import { inflateSync } from 'node:zlib';"],
    [rules.strayPackage, 'src/crypto/x.ts', "import { createHash } from 'node:crypto';"],
    [rules.longFunction, 'src/link/x.ts', `const f = () => {${'\n'.repeat(59)}};`],
  ];
  for (const [rule, path, text] of cases) {
    t.strictSame(rule(toSource(path, text)), [], `${rule.name}: ${text.slice(0, 50).trim()}`);
  }
});

t.test('a file that nothing reaches is dead, a worker entry is not', async (t) => {
  const peer = toSource(
    'src/peer.ts',
    "const worker = new URL('./stego/worker.ts', import.meta.url);",
  );
  const worker = toSource('src/stego/worker.ts', "import './used.ts';");
  const used = toSource('src/stego/used.ts', 'export const a = 1;');
  const left = toSource('src/stego/left.ts', "import './used.ts';");
  t.strictSame(rules.deadFiles([peer, worker, used, left], []), ['src/stego/left.ts is dead']);
});
