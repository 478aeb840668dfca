/**
 * A backup: the encrypted database and the key file that opens it, as one tar, so that every
 * machine can unpack it. Made while the peer runs. What of it is readable depends on the key file:
 * a bare one opens everything.
 */
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type tar from 'tar-stream';
import { systemRandomBytes } from '../crypto/index.ts';
import { StoreError } from '../failures.ts';
import type { Connection } from './connection.ts';
import { KEY_FILE, SEALED_KEY } from './data-key.ts';
import { DATABASE } from './database.ts';
import { Folder } from './folder.ts';
import { hex } from './hex.ts';

/** In this order: without its database a key says nothing. */
const FILES: readonly string[] = [DATABASE, SEALED_KEY, KEY_FILE];
const KEY_SIZE_MAX = 65_536;

/** @throws {StoreError} `busy` while another backup is made, `full` */
export async function packBackup(connection: Connection, folder: Folder): Promise<Readable> {
  // Swept at the next start if this process is killed.
  const copy = folder.pathOf(`${DATABASE}.${hex(systemRandomBytes(8))}.new`);
  try {
    await connection.copyTo(folder.pathOf(DATABASE), copy);
  } catch (cause) {
    rmSync(copy, { force: true });
    throw cause;
  }
  const pack = (await import('tar-stream')).default.pack();
  void fill(pack, folder, copy)
    .catch((cause) => pack.destroy(cause))
    .finally(() => rmSync(copy, { force: true }));
  return Readable.from(pack, { objectMode: false });
}

async function fill(pack: tar.Pack, folder: Folder, copy: string): Promise<void> {
  const key = folder.has(SEALED_KEY) ? SEALED_KEY : KEY_FILE;
  pack.entry({ name: key, mode: 0o600 }, folder.read(key));
  const { size } = statSync(copy);
  await pipeline(createReadStream(copy), pack.entry({ name: DATABASE, mode: 0o600, size }));
  pack.finalize();
}

/**
 * Unpacks a backup into a folder that has no database. The next start sees that it is a copy.
 * @throws {StoreError} `conflict`, `foreign` if it is no whole backup; then nothing is left there
 */
export async function unpackBackup(backup: Readable, path: string): Promise<void> {
  const folder = new Folder(path);
  const present = FILES.find((name) => folder.has(name));
  if (present !== undefined) {
    const message = `${folder.pathOf(present)} is there; restore into another folder, or move it`;
    throw new StoreError('conflict', message);
  }
  if (folder.hasNothing()) folder.protectItself();
  const written: string[] = [];
  try {
    const extract = (await import('tar-stream')).default.extract();
    const read = pipeline(backup, extract as unknown as NodeJS.WritableStream);
    const unpacked = unpack(extract, folder, written);
    // Both come to their end before anything is removed: a file that is still being opened would
    // appear afterwards.
    await Promise.allSettled([read, unpacked]);
    await Promise.all([read, unpacked]);
    if (!written.includes(DATABASE) || written.length !== 2) throw notWhole();
  } catch (cause) {
    for (const name of written) rmSync(folder.pathOf(name), { force: true });
    throw cause instanceof StoreError ? cause : notWhole(cause);
  }
}

async function unpack(extract: tar.Extract, folder: Folder, written: string[]): Promise<void> {
  for await (const entry of extract) {
    const { name, size = 0, type } = entry.header;
    const fits = name === DATABASE || size <= KEY_SIZE_MAX;
    if (type !== 'file' || !FILES.includes(name) || written.includes(name) || !fits) {
      throw notWhole();
    }
    written.push(name);
    const file = createWriteStream(folder.pathOf(name), { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(entry as unknown as NodeJS.ReadableStream, file);
  }
}

function notWhole(cause?: unknown): StoreError {
  return new StoreError('foreign', 'this is not a whole backup of a peer; take another copy', {
    cause,
  });
}
