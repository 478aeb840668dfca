/**
 * The named values of a request, from its query and its body, against one schema. A person types
 * them into an address bar, curl sends them as a form, a program as JSON: all mean the same.
 */
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { readBytes } from './body.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { RouteContext } from './route.ts';

export const FIELDS_SIZE_MAX = 1024 * 1024;
const DEADLINE_MS = 30_000;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const sizeOf = (text: string) => new TextEncoder().encode(text).length;

/** A contact's name, as ports.ts bounds it. */
export const Name = z
  .string()
  .min(1)
  .refine((name) => sizeOf(name) <= 64, 'must be at most 64 bytes of UTF-8')
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'has control characters');

/** What a contact is to be called: nothing in it that nobody sees, or that others mistake. */
export const NewName = Name.refine(
  (name) => name.trim() === name,
  'begins or ends with a space',
).refine((name) => !/[\p{C}\u2028\u2029]/u.test(name), 'has characters that cannot be seen');

/** Seconds to wait, for fields that a caller may leave out. */
export const Seconds = z.coerce.number().min(0).max(60);

/** `true` in JSON, `true` or `1` in a query. */
export const Flag = z.union([z.boolean(), z.stringbool()]);

/**
 * A field that a caller may leave out. As the library's `exactOptional`, which asks the schema also
 * what is wrong with a field that is not there; neither JSON nor a form can hold `undefined`.
 */
export function leftOut<Schema extends z.ZodType>(schema: Schema): z.ZodExactOptional<Schema> {
  return schema.optional() as unknown as z.ZodExactOptional<Schema>;
}

/** @throws {Problem} that names the field and what is wrong with it. */
export async function readFields<Schema extends z.ZodType>(
  ctx: RouteContext,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bodied = ctx.method !== 'GET' && ctx.method !== 'HEAD';
  return checkFields(ctx, bodied ? await readBody(ctx) : new Uint8Array(), schema);
}

/** As `readFields`, for a body that was read already. */
export function checkFields<Schema extends z.ZodType>(
  ctx: RouteContext,
  body: Uint8Array,
  schema: Schema,
): z.output<Schema> {
  return checkBoth(ctx, parseBody(ctx.request.type, body), schema);
}

/** The fields of the query, and those that were read from the body. */
export function checkBoth<Schema extends z.ZodType>(
  { query }: RouteContext,
  fromBody: Readonly<Record<string, unknown>>,
  schema: Schema,
): z.output<Schema> {
  const twice = Object.keys(query).find((name) => Object.hasOwn(fromBody, name));
  if (twice !== undefined) throw invalidRequest(`"${twice}" is given in the query and in the body`);
  return check(schema, { ...query, ...fromBody });
}

/** @throws {Problem} `invalid_request` */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw invalidRequest(checked.error.issues.map(describe).join('; '));
}

export function readBody(ctx: RouteContext): Promise<Uint8Array> {
  return readBytes(ctx.req, { sizeMax: FIELDS_SIZE_MAX, deadline_ms: DEADLINE_MS });
}

function parseBody(type: string, body: Uint8Array): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  const text = decode(body);
  // curl -d calls everything a form.
  if (isJson(type) || text.trimStart().startsWith('{')) return parseObject(text);
  if (type === 'application/x-www-form-urlencoded') return parseForm(text);
  throw new Problem('unsupported_media_type');
}

function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    throw cause instanceof SyntaxError ? invalidRequest(cause.message) : cause;
  }
  throw invalidRequest('the body must be a JSON object, such as {"to": "bob"}');
}

function parseForm(text: string): Readonly<Record<string, unknown>> {
  const pairs = [...new URLSearchParams(text)];
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidRequest(`"${twice}" is given twice`);
  return Object.fromEntries(pairs);
}

function decode(body: Uint8Array): string {
  try {
    return strictUtf8.decode(body);
  } catch {
    throw invalidRequest('the body is not UTF-8');
  }
}

/** Names the field, types and bounds, never the value itself. */
function describe(issue: z.core.$ZodIssue): string {
  const { path } = issue;
  return path.length === 0 ? inWords(issue) : `${path.join('.')}: ${inWords(issue)}`;
}

/** The library's own words are for programmers: they tell NaN from a number, and count with <=. */
function inWords(issue: z.core.$ZodIssue): string {
  const { code, message } = issue;
  if (code === 'invalid_type') {
    const isMissing = message.endsWith('undefined');
    return isMissing
      ? 'is missing'
      : `must be ${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
  }
  if (code === 'unrecognized_keys') return `there is no field "${issue.keys.join('", "')}" here`;
  if (code === 'too_small' && issue.origin === 'string') return 'must not be empty';
  if (code === 'too_small') return `must be at least ${issue.minimum}`;
  if (code === 'too_big' && issue.origin !== 'string') return `must be at most ${issue.maximum}`;
  return message;
}
