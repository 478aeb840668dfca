/** What the system has against something, in words; the text of its own errors is for programmers. */

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EEXIST: 'it is there already',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EIO: 'the disk does not work',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  EBADF: 'it is not open',
  EAGAIN: 'nothing is in it yet',
  EBUSY: 'another program uses it',
  ENODEV: 'there is no device behind it',
  ENXIO: 'there is no device behind it',
  ELOOP: 'its links lead round in a circle',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it broke off',
  EPIPE: 'it broke off',
  UND_ERR_SOCKET: 'it broke off',
  ETIMEDOUT: 'nobody answers there',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answers there',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
};

/** `E…`; undefined for an error that is not the system's. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** Half a sentence; undefined where there are no words for it. */
export function knownReason(cause: unknown): string | undefined {
  return REASONS[systemCode(cause) ?? ''];
}

/** Half a sentence. */
export function reasonOf(cause: unknown): string {
  return knownReason(cause) ?? systemCode(cause) ?? 'it broke off';
}

export function isDiskFull(cause: unknown): boolean {
  const code = systemCode(cause);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
