/** What a person asks to be sent, whichever way the request says it. */
import contentDisposition from 'content-disposition';
import { z } from 'zod';
import type { SendMessageRequest } from '../messenger/index.ts';
import { readChunks } from './body.ts';
import {
  check,
  checkBoth,
  checkFields,
  FIELDS_SIZE_MAX,
  Flag,
  leftOut,
  Name,
  readBody,
  readFields,
  Seconds,
} from './fields.ts';
import { type FormFile, readForm } from './multipart.ts';
import { PICTURE_LIMITS } from './pictures.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { RouteContext } from './route.ts';

/** PROTOCOL §8.4. */
const FILE_LIMITS = { sizeMax: 1024 ** 3, idle_ms: 30_000 };
const FORM = 'application/x-www-form-urlencoded';
const FIELDS_TOO_LARGE =
  'A text and its fields take at most 1 MiB; as a file the body needs a name: ?name=FILE.';

const delivery = {
  to: leftOut(Name),
  carrier: leftOut(z.enum(['session', 'file', 'image'])),
  /** Seconds. */
  wait: Seconds.default(0),
  // With carrier=image:
  answer: leftOut(z.enum(['id', 'file'])),
  cover_name: leftOut(z.string().min(1).max(255)),
  force: leftOut(Flag),
  profile: leftOut(z.enum(['auto', 'fast', 'max', 'integer'])),
};
type Delivery = z.output<z.ZodObject<typeof delivery>>;
const Text = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed(), 'has a lone surrogate');
export const TextFields = z.strictObject({ text: Text, ...delivery });
/** An object, or a form that has one of these fields. */
const FIELDS = new RegExp(`^\\s*\\{|(^|&)text=|^(${Object.keys(delivery).join('|')})=`);
export const TypedFields = z.strictObject({ text: Text.exactOptional(), ...delivery });
export const FileFields = z.strictObject({
  name: z.string().min(1).max(255).exactOptional(),
  ...delivery,
});

/** A text may stand in a form beside files, and a file may have its name there. */
export const FormFields = z.strictObject({
  text: Text.exactOptional(),
  name: z.string().min(1).max(255).exactOptional(),
  ...delivery,
});
const FORM_LIMITS = {
  fileSizes: { cover: PICTURE_LIMITS.sizeMax, file: 16 * 1024 * 1024 },
  fieldSizeMax: FIELDS_SIZE_MAX,
};

type Content = SendMessageRequest['content'];
type Cover = { readonly name?: string; readonly png: Uint8Array };

export type OutgoingMessage = { readonly content: Content } & (
  | { readonly carrier: 'session' | 'file'; readonly to?: string; readonly wait: number }
  | (Omit<Delivery, 'carrier'> & { readonly carrier: 'image'; readonly cover?: Cover })
);

/** The `?text=` of an address bar, or else `line`. */
export async function readTyped(ctx: RouteContext, line: string): Promise<OutgoingMessage> {
  const { text = line, ...rest } = await readFields(ctx, TypedFields);
  return outgoing(rest, { type: 'text', text });
}

/** JSON and forms are text; any other body, and any that has a file's name, is a file. */
export async function readMessage(ctx: RouteContext): Promise<OutgoingMessage> {
  const { type } = ctx.request;
  if (type === 'multipart/form-data') return await asForm(ctx);
  const isNamed = ctx.query['name'] !== undefined || ctx.get('content-disposition') !== '';
  if (isNamed) return asFile(ctx, readChunks(ctx.req, FILE_LIMITS));
  if (type === FORM && bodySize(ctx) <= FIELDS_SIZE_MAX) return await readUrlForm(ctx);
  if (type === 'application/json' || !hasBody(ctx)) return asText(ctx, await readBody(ctx));
  const chunks = readChunks(ctx.req, FILE_LIMITS);
  return asFile(ctx, type === FORM ? refusingFields(chunks) : chunks);
}

/** What `curl -d` sends and is too large for fields, unless it is none. @throws {Problem} */
async function* refusingFields(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && FIELDS.test(startOf(chunk))) {
      throw new Problem('too_large', { detail: FIELDS_TOO_LARGE });
    }
    isFirst = false;
    yield chunk;
  }
}

/** `curl -d` and `curl --data-binary` call whatever they send a form: see what it is. */
async function readUrlForm(ctx: RouteContext): Promise<OutgoingMessage> {
  const body = await readBody(ctx);
  const start = startOf(body);
  if (body.length === 0 || FIELDS.test(start)) return asText(ctx, body);
  if (JSON_START.test(start) && isJson(body)) {
    const example = 'no object such as {"text": "hello"}';
    throw invalidRequest(`the body is JSON, but ${example}; as a file it needs a name: ?name=FILE`);
  }
  return asFile(ctx, once(body));
}

function startOf(body: Uint8Array): string {
  return new TextDecoder().decode(body.subarray(0, 1_024));
}

/** What is likely a slip rather than a file. */
const JSON_START = /^\s*[["\-\dtfn]/;

function isJson(body: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return true;
  } catch {
    return false;
  }
}

function asText(ctx: RouteContext, body: Uint8Array): OutgoingMessage {
  const { text, ...rest } = checkFields(ctx, body, TextFields);
  return outgoing(rest, { type: 'text', text });
}

/** One request holds everything: fields, and a file and a cover, in any order. */
async function asForm(ctx: RouteContext): Promise<OutgoingMessage> {
  const { fields, files } = await readForm(ctx, FORM_LIMITS);
  const { text, name, ...rest } = checkBoth(ctx, fields, FormFields);
  const { cover, file } = files;
  if ((text === undefined) === (file === undefined))
    throw invalidRequest('give either "text" or "file"');
  if (text !== undefined) return outgoing(rest, { type: 'text', text }, coverOf(cover));
  const { bytes = new Uint8Array(), mediaType = '', name: own = '' } = file ?? {};
  const named = { name: name ?? (own.slice(0, 255) || 'file'), mediaType: mediaType.slice(0, 255) };
  return outgoing(rest, { type: 'file', ...named, bytes: once(bytes) }, coverOf(cover));
}

function coverOf(file: FormFile | undefined): Cover | undefined {
  return file && { png: file.bytes, ...(file.name && { name: file.name.slice(0, 255) }) };
}

/** What pictures alone have goes with `carrier: image`, which a cover implies. */
function outgoing(fields: Delivery, content: Content, cover?: Cover): OutgoingMessage {
  const hasCover = cover !== undefined || fields.cover_name !== undefined;
  const { carrier = hasCover ? 'image' : 'session', to, wait, ...picture } = fields;
  const common = { ...(to !== undefined && { to }), wait, content };
  if (carrier === 'image') {
    if (cover !== undefined && fields.cover_name !== undefined) {
      throw invalidRequest('give either "cover" or "cover_name"');
    }
    return { ...common, carrier, ...picture, ...(cover !== undefined && { cover }) };
  }
  const stray = cover === undefined ? Object.keys(picture)[0] : 'cover';
  if (stray !== undefined) throw invalidRequest(`"${stray}" goes with "carrier": "image"`);
  return { ...common, carrier };
}

function asFile(ctx: RouteContext, bytes: AsyncIterable<Uint8Array>): OutgoingMessage {
  const to = utf8Header(ctx, 'sotto-to');
  const fields = check(FileFields, { ...(to !== '' && { to }), ...ctx.query });
  const { name = dispositionName(ctx) ?? 'file', ...rest } = fields;
  const { type } = ctx.request;
  const mediaType = type === '' || type === FORM ? 'application/octet-stream' : type.slice(0, 255);
  return outgoing(rest, { type: 'file', name, mediaType, bytes });
}

function dispositionName(ctx: RouteContext): string | undefined {
  const header = utf8Header(ctx, 'content-disposition');
  if (header === '') return undefined;
  try {
    return contentDisposition.parse(header).parameters['filename'] || undefined;
  } catch {
    throw invalidRequest('Content-Disposition is not as RFC 6266 has it; ?name=NAME does as well');
  }
}

/** Node reads headers as Latin-1, people write UTF-8. */
function utf8Header(ctx: RouteContext, name: string): string {
  return Buffer.from(ctx.get(name), 'latin1').toString('utf8');
}

function hasBody(ctx: RouteContext): boolean {
  return ctx.get('transfer-encoding') !== '' || bodySize(ctx) > 0;
}

/** 0 if it is not told. */
function bodySize(ctx: RouteContext): number {
  return Number(ctx.get('content-length'));
}

async function* once(body: Uint8Array): AsyncIterable<Uint8Array> {
  yield body;
}
