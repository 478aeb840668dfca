/** Writes the help of every command into docs/CLI.md, below what was written by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe } from '../src/cli/command.ts';
import { COMMANDS } from '../src/cli/index.ts';

const FILE = 'docs/CLI.md';

const [byHand = ''] = readFileSync(FILE, 'utf8').split(/^## sotto /m, 1);
const pages = COMMANDS.map(
  (command) => `## sotto ${command.name}\n\n\`\`\`\n${describe(command)}\n\`\`\`\n`,
);
writeFileSync(FILE, `${byHand}${pages.join('\n')}`);
