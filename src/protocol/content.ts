/**
 * What a message says, PROTOCOL §8.1: one byte of type, then a body. Pure.
 *
 * A content may be cut into parts and be far larger than memory should hold, so a file is decoded
 * by its head alone: the bytes behind it are the caller's to stream.
 */
import { concat } from '../bytes.ts';
import { RemoteProtocolError } from './errors.ts';

export const CONTENT_TYPE = { text: 1, file: 2, readings: 3, notice: 4 } as const;

/** The most a file's head can take: type, two lengths, two names. */
export const FILE_HEAD_SIZE_MAX = 1 + 1 + 255 + 1 + 255;

export type NoticeReason = 'too_large' | 'not_understood';

/** "Your message was taken off the line and not kept." */
export interface Notice {
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly reason: NoticeReason;
}

export interface FileHead {
  /** A hint from the sender, without what `fileName` drops; 1 … 255 bytes of UTF-8. */
  readonly name: string;
  readonly mediaType: string;
}

const NOTICE_REASONS: Readonly<Record<NoticeReason, number>> = { too_large: 1, not_understood: 2 };
const NOTICE_SIZE = 1 + 8 + 8 + 1;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeText(text: string): Uint8Array {
  return concat(Uint8Array.of(CONTENT_TYPE.text), utf8.encode(text));
}

/** @throws {RemoteProtocolError} `malformed` if it is not UTF-8. */
export function decodeText(content: Uint8Array): string {
  return readUtf8(content.subarray(1));
}

/** What stands before a file's bytes. Long names are cut at a character, not refused. */
export function encodeFileHead({ name, mediaType }: FileHead): Uint8Array {
  const type = Uint8Array.of(CONTENT_TYPE.file);
  return concat(type, encodeString(fileName(name)), encodeString(mediaType));
}

/**
 * The head of a file content and its size in bytes; the file's own bytes come after.
 * @param start at least the first FILE_HEAD_SIZE_MAX bytes, or all there are.
 * @throws {RemoteProtocolError} `malformed`
 */
export function decodeFileHead(start: Uint8Array): {
  readonly head: FileHead;
  readonly size: number;
} {
  const [name, afterName] = readString(start, 1);
  const [mediaType, size] = readString(start, afterName);
  return { head: { name: fileName(name), mediaType: mediaType.replace(DROPPED, '') }, size };
}

export function encodeNotice({ epoch, sequence, reason }: Notice): Uint8Array {
  const content = new Uint8Array(NOTICE_SIZE);
  const view = new DataView(content.buffer);
  view.setUint8(0, CONTENT_TYPE.notice);
  view.setBigUint64(1, epoch);
  view.setBigUint64(9, sequence);
  view.setUint8(17, NOTICE_REASONS[reason]);
  return content;
}

/** @throws {RemoteProtocolError} `malformed` */
export function decodeNotice(content: Uint8Array): Notice {
  if (content.length !== NOTICE_SIZE) throw new RemoteProtocolError('malformed');
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const code = view.getUint8(17);
  const reason = code === NOTICE_REASONS.too_large ? 'too_large' : 'not_understood';
  if (code !== NOTICE_REASONS[reason]) throw new RemoteProtocolError('malformed');
  return { epoch: view.getBigUint64(1), sequence: view.getBigUint64(9), reason };
}

/** PROTOCOL §8.1: control and format characters but the two joiners, and what breaks lines. */
const DROPPED = /[\p{Cc}\u2028\u2029]|[^\P{Cf}\u200c\u200d]/gu;
const JOINERS = /[\u200c\u200d]/g;

/** Keeps the last step of a path, drops what commands a terminal, and never is empty, `.` or `..`. */
export function fileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const clean = last.replace(DROPPED, '');
  return clean.replace(JOINERS, '') === '' || clean === '.' || clean === '..' ? 'file' : clean;
}

function encodeString(text: string): Uint8Array {
  const room = new Uint8Array(255);
  const { written } = utf8.encodeInto(text, room);
  return concat(Uint8Array.of(written), room.subarray(0, written));
}

/** The str8 at `offset`, and where it ends. */
function readString(source: Uint8Array, offset: number): [string, number] {
  const size = source[offset];
  if (size === undefined) throw new RemoteProtocolError('malformed');
  const end = offset + 1 + size;
  if (end > source.length) throw new RemoteProtocolError('malformed');
  return [readUtf8(source.subarray(offset + 1, end)), end];
}

function readUtf8(encoded: Uint8Array): string {
  try {
    return strictUtf8.decode(encoded);
  } catch (cause) {
    throw new RemoteProtocolError('malformed', { cause });
  }
}
