#!/usr/bin/env node
/** The `sotto` command: TypeScript in a clone, compiled JavaScript in the package. */
import { existsSync } from 'node:fs';
import { launch } from './launch.mjs';

const source = new URL('../src/cli/index.ts', import.meta.url);
const compiled = new URL('../dist/cli/index.js', import.meta.url);

await launch(existsSync(source) ? source : compiled, async ({ main }) => {
  process.exitCode = await main(process.argv.slice(2));
});
