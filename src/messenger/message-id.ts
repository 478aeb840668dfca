/** Message ids as people and programs see them: `epoch-sequence`, both 16 hex digits. */
import type { MessageId } from './ports.ts';

export function messageIdText({ epoch, sequence }: MessageId): string {
  return `${hex(epoch)}-${hex(sequence)}`;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
