/**
 * Compiles src/ into dist/ for the package: Node strips types, but not inside node_modules. Types
 * become blanks, so that a stack trace from the package names the lines of the source.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';

const OUTPUT = 'dist';

/** Specifiers of our own files, in imports and in the `new URL` of workers. */
const OWN = /(from |import |import\(|new URL\()'(\.{1,2}\/[^']+)\.ts'/g;

rmSync(OUTPUT, { recursive: true, force: true });
for (const source of globSync('src/**/*', { withFileTypes: true })) {
  if (!source.isFile()) continue;
  const path = join(source.parentPath, source.name);
  const target = join(OUTPUT, relative('src', path));
  mkdirSync(dirname(target), { recursive: true });
  if (path.endsWith('.ts')) {
    const code = stripTypeScriptTypes(readFileSync(path, 'utf8'));
    writeFileSync(target.replace(/\.ts$/, '.js'), code.replace(OWN, "$1'$2.js'"));
  } else {
    cpSync(path, target);
  }
}
