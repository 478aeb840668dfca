/** A letter that a person has brought as a file. */
import { decodeBundle, LETTER_FILE_SIZE_MAX, RemoteProtocolError } from '../protocol/index.ts';
import type { Contacts } from './contacts.ts';
import type { Reception } from './reception.ts';
import { UseCaseError } from './use-case-error.ts';

interface ReadLetterDeps {
  readonly reception: Reception;
  readonly contacts: Contacts;
}

/**
 * Whom it is from, and how many of its messages are new.
 * @throws {UseCaseError} `letter_repeated`, `letter_unreadable`
 */
export function readLetter(
  { reception, contacts }: ReadLetterDeps,
  letter: Uint8Array,
): { readonly from: string; readonly messages: number } {
  try {
    const taken = reception.receiveLetter(decodeBundle(letter, LETTER_FILE_SIZE_MAX), 'file');
    const [first] = taken;
    if (first === undefined) throw new RemoteProtocolError('malformed');
    const messages = taken.reduce((sum, { messages }) => sum + messages, 0);
    if (taken.every(({ fresh }) => fresh === 0)) {
      const next = { do: 'open_messages' } as const;
      throw new UseCaseError('letter_repeated', 'this letter was read before', { next });
    }
    return { from: contacts.get(first.contact)?.name ?? '', messages };
  } catch (cause) {
    if (!(cause instanceof RemoteProtocolError)) throw cause;
    const why = 'it is damaged, or nobody we are paired with wrote it to us';
    throw new UseCaseError('letter_unreadable', `the letter cannot be read: ${why}`, { cause });
  }
}
