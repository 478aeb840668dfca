/**
 * One meeting with one contact: where it stands, and what its trigger still buys.
 *
 *     opening    XX1 is out; we are the initiator
 *     answering  XX2 is out; we are the responder
 *     closing    XX3 is out; the code is shown, the session not yet confirmed
 */
import { equal, type PublicKey } from '../crypto/index.ts';
import type { Confirmation, ContactRef } from './contact-book.ts';
import type { Initiator, Outcome, Responder } from './meeting-handshake.ts';
import { ephemeralOf, type OpeningPacket } from './packet.ts';
import type { PairingSecret } from './pairing-code.ts';
import type { Repeats } from './repeats.ts';
import type { NewSession } from './session.ts';

/** Rule 7: how many attempts one trigger buys. */
export const ATTEMPTS = 4;

export type Phase =
  | { readonly name: 'opening'; readonly packet: Uint8Array; readonly initiator: Initiator }
  | {
      readonly name: 'answering';
      readonly packet: Uint8Array;
      readonly responder: Responder;
      /** The XX1 that `packet` answers. */
      readonly answered: Uint8Array;
    }
  | {
      readonly name: 'closing';
      readonly packet: Uint8Array;
      readonly ephemeral: PublicKey;
      /** Of the session that waits to be confirmed. */
      readonly localIndex: number;
    };

export interface Meeting {
  readonly contact: ContactRef;
  /** Given: the meeting is by pairing code. */
  readonly secret: PairingSecret | undefined;
  readonly phase: Phase;
  readonly attempts: number;
  /** Undefined: the other side repeats, or its person has to act. */
  readonly repeats: Repeats | undefined;
  readonly until: number;
}

/** By which the other side names the handshake. */
export function ownIndexOf({ phase }: Meeting): number {
  switch (phase.name) {
    case 'opening':
      return phase.initiator.localIndex;
    case 'answering':
      return phase.responder.localIndex;
    case 'closing':
      return phase.localIndex;
  }
}

export function ephemeralOfMeeting({ phase }: Meeting): PublicKey {
  switch (phase.name) {
    case 'opening':
      return phase.initiator.ephemeral;
    case 'answering':
      return phase.responder.ephemeral;
    case 'closing':
      return phase.ephemeral;
  }
}

/** Whether `packet` is what this meeting has out. */
export function hasOut({ phase }: Meeting, packet: Uint8Array): boolean {
  return equal(phase.packet, packet);
}

/** Rule 2: whether our own XX1 (or PSK1) goes before one of theirs. */
export function staysInitiator({ phase }: Meeting, opening: OpeningPacket): boolean {
  if (phase.name !== 'opening') return false;
  return compareKeys(phase.initiator.ephemeral, ephemeralOf(opening)) < 0;
}

/**
 * Rule 1: whether a trigger goes on with the meeting rather than answer that XX1. While XX3 is out
 * it does: the XX1 may have crossed ours long ago, and if not, STATUS stale will tell.
 */
export function outranks(
  meeting: Meeting | undefined,
  packet: Uint8Array,
  opening: OpeningPacket,
): boolean {
  if (meeting === undefined) return false;
  const { phase } = meeting;
  if (phase.name === 'answering') return equal(phase.answered, packet);
  return phase.name === 'closing' || staysInitiator(meeting, opening);
}

/** Unsigned, byte by byte; negative if `left` is smaller. */
export function compareKeys(left: Uint8Array, right: Uint8Array): number {
  const place = left.findIndex((byte, index) => byte !== right[index]);
  return place < 0 ? 0 : (left[place] ?? 0) - (right[place] ?? 0);
}

export function confirmationOf({ introduction, remoteStatic, pattern }: Outcome): Confirmation {
  return { pattern, remoteStatic, introduction, verified: pattern === 'XXpsk3' };
}

export function sessionOf(contact: ContactRef, outcome: Outcome): NewSession {
  const { side, localIndex, introduction, established } = outcome;
  const confirmation = confirmationOf(outcome);
  const remoteIndex = introduction.index;
  return { contact, side, localIndex, remoteIndex, established, confirmation };
}
