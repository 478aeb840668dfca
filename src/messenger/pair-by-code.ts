/** `send_keys` with a pairing code: whom it means, what came of it, and what is taken back. */
import type { CryptoProvider } from '../crypto/index.ts';
import { decodePairingCode, type PairingCode, PairingCodeError } from '../protocol/index.ts';
import { type SendKeysRequest, type SendKeysResult, UseCaseError } from './api.ts';
import { type CodeObstacle, meetByCode } from './meet-by-code.ts';
import { meetingRefused } from './meeting-advice.ts';
import type { Contact, ContactId } from './ports.ts';
import { removeContact } from './remove-contact.ts';
import type { TriggerDeps } from './trigger.ts';
import { type WhomDeps, whomToMeet } from './whom-to-meet.ts';

export interface PairByCodeDeps extends TriggerDeps, WhomDeps {
  readonly crypto: CryptoProvider;
}

/** @throws {UseCaseError} */
export async function pairByCode(
  deps: PairByCodeDeps,
  request: SendKeysRequest,
  text: string,
): Promise<SendKeysResult> {
  const code = readCode(deps.crypto, text);
  const earlier = new Map(deps.contacts.all().map((contact) => [contact.id, contact]));
  const contact = whomToMeet(deps, request, code);
  const { id } = contact;
  const outcome = await meetByCode(deps, id, code.secret);
  const { name, verified, address } = deps.contacts.get(id) ?? contact;
  switch (outcome.name) {
    case 'established': {
      const reason = `paired with ${name}, and verified by the code`;
      return { to: name, state: 'established', verified, advice: { reason } };
    }
    case 'waiting': {
      const reason = `${name} has yet to answer: it is asked again for a minute`;
      return { to: name, state: 'waiting', verified, advice: { reason } };
    }
    default:
      takeBack(deps, id, earlier.get(id));
      throw refusal(outcome, name, address);
  }
}

/** A code that came to nothing leaves nothing that was not there before. */
function takeBack(deps: PairByCodeDeps, id: ContactId, earlier: Contact | undefined): void {
  const { announcer, contacts, deliveries, meetings } = deps;
  if (earlier === undefined) {
    removeContact(deps, id);
    return;
  }
  meetings.forget(id);
  announcer.forget(id);
  if (contacts.get(id)?.address !== earlier.address) {
    contacts.update(id, { address: earlier.address });
    deliveries.of(id).lastError = undefined;
  }
  announcer.tell('contact', id);
}

function refusal(obstacle: CodeObstacle, name: string, address: string | undefined): UseCaseError {
  switch (obstacle.name) {
    case 'failed':
      return meetingRefused(obstacle.failure, name);
    case 'unreachable': {
      const next = 'start the peer there, or correct the address';
      return new UseCaseError('unreachable', `nobody answers at ${address}: ${next}`);
    }
    case 'not_taken': {
      const next = 'a code works once, and for ten minutes: make another there';
      return new UseCaseError('code_not_taken', `${address} has not taken this code: ${next}`);
    }
  }
}

function readCode(crypto: CryptoProvider, text: string): PairingCode {
  try {
    return decodePairingCode(crypto, text);
  } catch (cause) {
    if (!(cause instanceof PairingCodeError)) throw cause;
    throw new UseCaseError('invalid_code', cause.message, { cause });
  }
}
