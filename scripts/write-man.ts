/** Writes packaging/sotto.1 for `man sotto`, of what the commands say of themselves. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rowsOf } from '../src/cli/command.ts';
import { COMMANDS } from '../src/cli/index.ts';

/** As roff: no line is taken for a request, and what is to be typed can be copied. */
const plain = (text: string) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
const lines = (texts: readonly string[]) => ['.nf', ...texts.map(plain), '.fi'];

function section(command: (typeof COMMANDS)[number]): string[] {
  const { name, summary, usage, details, examples } = command;
  return [
    `.SS ${name}`,
    `${plain(summary)}.`,
    '.PP',
    ...lines(usage.map((way) => `sotto ${name} ${way}`.trimEnd())),
    ...(details === undefined ? [] : ['.PP', plain(details)]),
    ...rowsOf(command).flatMap(([flag, about]) => ['.TP', `.B ${plain(flag)}`, plain(about)]),
    '.PP',
    'Examples:',
    '.PP',
    ...lines(examples),
  ];
}

/** docs/CLI.md has the exit codes. */
export function manPage(): string {
  const codes = readFileSync('docs/CLI.md', 'utf8').matchAll(/^\| (\d) \| (.*) \|$/gm);
  return [
    '.\\" Written by `npm run docs`.',
    '.TH SOTTO 1 "" "Sotto" "User Commands"',
    '.SH NAME',
    "sotto \\- two peers that meet, check each other's word, and talk unheard",
    '.SH SYNOPSIS',
    '.B sotto',
    '.I COMMAND',
    '[OPTIONS]',
    '.SH DESCRIPTION',
    'Data goes to stdout, words to stderr. Commands find the peer that runs on a data folder.',
    '.SH COMMANDS',
    ...COMMANDS.flatMap(section),
    '.SH EXIT STATUS',
    ...[...codes].flatMap(([, code, means = '']) => ['.TP', `.B ${code}`, plain(means)]),
    '.SH SEE ALSO',
    'docs/ in the package: OPERATION.md, ROUTES.md, ERRORS.md, THREAT_MODEL.md.',
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync('packaging/sotto.1', manPage());
