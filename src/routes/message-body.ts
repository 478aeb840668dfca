/** What a person asks to be sent, whichever way the request says it. */
import contentDisposition from 'content-disposition';
import { z } from 'zod';
import type { SendMessageRequest } from '../messenger/index.ts';
import { readChunks } from './body.ts';
import {
  check,
  checkFields,
  FIELDS_SIZE_MAX,
  Name,
  readBody,
  readFields,
  Seconds,
} from './fields.ts';
import { Problem } from './problem.ts';
import type { RouteContext } from './route.ts';

/** PROTOCOL §8.4. */
const FILE_LIMITS = { sizeMax: 1024 ** 3, idle_ms: 30_000 };
const FORM = 'application/x-www-form-urlencoded';

const delivery = {
  to: Name.exactOptional(),
  carrier: z.enum(['session', 'file']).default('session'),
  /** Seconds. */
  wait: Seconds.default(0),
};
const Text = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed(), 'has a lone surrogate');
const TextFields = z.strictObject({ text: Text, ...delivery });
const TypedFields = z.strictObject({ text: Text.exactOptional(), ...delivery });
const FileFields = z.strictObject({
  name: z.string().min(1).max(255).exactOptional(),
  ...delivery,
});

export type OutgoingMessage = z.output<z.ZodObject<typeof delivery>> & {
  readonly content: SendMessageRequest['content'];
};

/** The `?text=` of an address bar, or else `line`. */
export async function readTyped(ctx: RouteContext, line: string): Promise<OutgoingMessage> {
  const { text = line, ...rest } = await readFields(ctx, TypedFields);
  return { ...rest, content: { type: 'text', text } };
}

/** JSON and forms are text; any other body, and any that has a file's name, is a file. */
export async function readMessage(ctx: RouteContext): Promise<OutgoingMessage> {
  const { type } = ctx.request;
  if (type === 'multipart/form-data') throw multipart();
  const isNamed = ctx.query['name'] !== undefined || ctx.get('content-disposition') !== '';
  if (isNamed) return asFile(ctx, readChunks(ctx.req, FILE_LIMITS));
  if (type === FORM && bodySize(ctx) <= FIELDS_SIZE_MAX) return await readForm(ctx);
  if (type === 'application/json' || !hasBody(ctx)) return asText(ctx, await readBody(ctx));
  return asFile(ctx, readChunks(ctx.req, FILE_LIMITS));
}

/** `curl -d` and `curl --data-binary` call whatever they send a form: see what it is. */
async function readForm(ctx: RouteContext): Promise<OutgoingMessage> {
  const body = await readBody(ctx);
  const start = new TextDecoder().decode(body.subarray(0, 1_024));
  const isText = /^\s*\{|(^|&)text=/.test(start);
  return isText ? asText(ctx, body) : asFile(ctx, once(body));
}

function asText(ctx: RouteContext, body: Uint8Array): OutgoingMessage {
  const { text, ...rest } = checkFields(ctx, body, TextFields);
  return { ...rest, content: { type: 'text', text } };
}

function asFile(ctx: RouteContext, bytes: AsyncIterable<Uint8Array>): OutgoingMessage {
  const to = utf8Header(ctx, 'sotto-to');
  const fields = check(FileFields, { ...(to !== '' && { to }), ...ctx.query });
  const { name = dispositionName(ctx) ?? 'file', ...rest } = fields;
  const { type } = ctx.request;
  const mediaType = type === '' || type === FORM ? 'application/octet-stream' : type.slice(0, 255);
  return { ...rest, content: { type: 'file', name, mediaType, bytes } };
}

function dispositionName(ctx: RouteContext): string | undefined {
  const header = utf8Header(ctx, 'content-disposition');
  if (header === '') return undefined;
  try {
    return contentDisposition.parse(header).parameters['filename'] || undefined;
  } catch {
    const detail = 'Content-Disposition is not as RFC 6266 has it; ?name=NAME does as well.';
    throw new Problem('invalid_request', { detail });
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

function multipart(): Problem {
  const detail = 'Send the file itself as the body, e.g. curl -T FILE "…/send_msg?name=NAME".';
  return new Problem('unsupported_media_type', { detail });
}
