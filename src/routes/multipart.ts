/**
 * multipart/form-data, as browsers and `curl -F` send it: fields, and files that are held whole.
 * How many, how large and how long is bounded before any of it is kept.
 */
import { once } from 'node:events';
import type { BusboyFileStream, BusboyInstance } from '@fastify/busboy';
import { readChunks } from './body.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { RouteContext } from './route.ts';

export interface FormFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, FormFile>>;
}

export interface FormLimits {
  /** The files that may be in it, and how large each, in bytes. */
  readonly fileSizes: Readonly<Record<string, number>>;
  readonly fieldSizeMax: number;
}

const FIELDS_MAX = 16;
const IDLE_MS = 30_000;

/** @throws {Problem} `invalid_request` with the part's name, `too_large`, `body_timeout` */
export async function readForm(ctx: RouteContext, limits: FormLimits): Promise<Form> {
  const sizes = Object.values(limits.fileSizes);
  const sizeMax = sizes.reduce((sum, size) => sum + size, 2 * limits.fieldSizeMax);
  const parts = new Parts(limits.fileSizes);
  const parser = await parserOf(ctx, parts, limits.fieldSizeMax, Math.max(...sizes));
  const done = once(parser, 'finish');
  // Whoever waits for `finish` hears of an error, too; here it is only kept from going unheard.
  done.catch(() => undefined);
  try {
    for await (const chunk of readChunks(ctx.req, { sizeMax, idle_ms: IDLE_MS })) {
      if (!parser.write(chunk)) await once(parser, 'drain');
      parts.assertSound();
    }
    parser.end();
    await done;
    parts.assertSound();
    return parts.form();
  } catch (cause) {
    parser.destroy();
    throw cause instanceof Problem
      ? cause
      : invalidRequest('the multipart body is not as RFC 7578 has it');
  }
}

async function parserOf(
  ctx: RouteContext,
  parts: Parts,
  fieldSize: number,
  fileSize: number,
): Promise<BusboyInstance> {
  // Only here: most peers never see a form.
  const { Busboy } = await import('@fastify/busboy');
  try {
    const parser = new Busboy({
      headers: { ...ctx.req.headers, 'content-type': ctx.get('content-type') },
      limits: {
        fieldNameSize: 64,
        fieldSize,
        fields: FIELDS_MAX,
        fileSize,
        files: 4,
        parts: FIELDS_MAX + 4,
        headerPairs: 32,
        headerSize: 8 * 1024,
      },
    });
    // A part whose header names nothing comes with no name at all, whatever the types say; and what
    // a listener throws here would end the whole process.
    parser.on('field', (name: string | undefined, value, nameCut, valueCut) => {
      parts.field(name ?? '', value, nameCut || valueCut);
    });
    parser.on('file', (name: string | undefined, stream, fileName, _encoding, mediaType) => {
      parts.file(name ?? '', stream, fileName, mediaType);
    });
    const tooMany = () => parts.refuse('it has too many parts');
    return parser.on('partsLimit', tooMany).on('filesLimit', tooMany).on('fieldsLimit', tooMany);
  } catch {
    throw invalidRequest('the multipart body has no boundary');
  }
}

/** What has been parsed, and the first thing that was wrong with it. */
class Parts {
  readonly #fileSizes: FormLimits['fileSizes'];
  readonly #fields = new Map<string, string>();
  readonly #files = new Map<string, FormFile>();
  readonly #seen = new Set<string>();
  #problem: Problem | undefined;

  constructor(fileSizes: FormLimits['fileSizes']) {
    this.#fileSizes = fileSizes;
  }

  field(name: string, value: string, isCut: boolean): void {
    if (isCut) this.#problem ??= new Problem('too_large', { detail: 'A field is too long.' });
    if (Object.hasOwn(this.#fileSizes, name)) this.refuse(`"${name}" must be a file`);
    if (this.#isNew(name)) this.#fields.set(name, value);
  }

  file(name: string, stream: BusboyFileStream, fileName: string, mediaType: string): void {
    const sizeMax = Object.hasOwn(this.#fileSizes, name) ? this.#fileSizes[name] : undefined;
    const isWanted = this.#isNew(name) && sizeMax !== undefined;
    if (sizeMax === undefined) this.refuse(`"${name.slice(0, 64)}" must not be a file`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    stream.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      if (isWanted && size <= sizeMax) chunks.push(chunk);
    });
    // Without this a body that is cut short would end the whole process.
    stream.on('error', () => this.refuse(`the body ends within "${name.slice(0, 64)}"`));
    stream.on('end', () => {
      if (!isWanted) return;
      if (size > sizeMax || stream.truncated) this.#problem ??= tooLarge(name, sizeMax);
      this.#files.set(name, { name: fileName, mediaType, bytes: Buffer.concat(chunks) });
    });
  }

  refuse(detail: string): void {
    this.#problem ??= invalidRequest(detail);
  }

  /** @throws {Problem} */
  assertSound(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  form(): Form {
    return {
      fields: Object.fromEntries(this.#fields),
      files: Object.fromEntries(this.#files),
    };
  }

  #isNew(name: string): boolean {
    if (name === '') this.refuse('a part has no name');
    const isNew = !this.#seen.has(name);
    if (!isNew) this.refuse(`"${name.slice(0, 64)}" is given twice`);
    this.#seen.add(name);
    return isNew;
  }
}

function tooLarge(name: string, sizeMax: number): Problem {
  const detail = `"${name}" is larger than ${sizeMax} bytes, which is the most this route takes.`;
  return new Problem('too_large', { detail });
}
