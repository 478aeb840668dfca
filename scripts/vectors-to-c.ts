/**
 * Writes test/vectors/*.json as C tables, so that the firmware's tests read the same cases:
 *
 *     node scripts/vectors-to-c.ts serial_frame replay_window > vectors.h
 *
 * Each text or number of a file becomes a text. Each list becomes a table `vectors_<file>_<list>`; each field a string, as it stands there; a
 * case that is no object has one field, `value`. A list inside a case becomes one string, its fields joined by ',' and its cases by ';'.
 */
import { readFileSync } from 'node:fs';

type Case = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Case => typeof value === 'object' && value !== null;
const isList = (value: unknown): value is Case[] => Array.isArray(value) && value.every(isObject);

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (isList(value)) return value.map((item) => Object.values(item).map(text).join()).join(';');
  if (Array.isArray(value)) return value.map(text).join(';');
  return String(value);
}

const toCase = (value: unknown): Case => (isObject(value) ? value : { value });

function table(name: string, cases: readonly Case[]): string {
  const fields = [...new Set(cases.flatMap((item) => Object.keys(item)))];
  const rows = cases.map(
    (item) => `  { ${fields.map((key) => JSON.stringify(text(item[key]))).join(', ')} },`,
  );
  const members = fields.map((field) => `*${field === 'do' ? 'step' : field}`).join(', ');
  return `static const struct { const char ${members}; } ${name}[] = {\n${rows.join('\n')}\n};\n`;
}

const tables = process.argv.slice(2).flatMap((file) => {
  const url = new URL(`../test/vectors/${file}.json`, import.meta.url);
  const lists = Object.entries(JSON.parse(readFileSync(url, 'utf8')) as Case);
  return lists.flatMap(([list, value]) => {
    const name = `vectors_${file.replaceAll('-', '_')}_${list}`;
    if (Array.isArray(value)) return [table(name, value.map(toCase))];
    return isObject(value)
      ? []
      : [`static const char ${name}[] = ${JSON.stringify(text(value))};\n`];
  });
});
process.stdout.write(
  `/* Generated from test/vectors. Do not edit. */\n#pragma once\n\n${tables.join('\n')}`,
);
