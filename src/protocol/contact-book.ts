/**
 * What the machines know about contacts. The messenger implements it on its store; the machines
 * ask it anew each time, so nothing here can go out of date.
 */
import type { PublicKey } from '../crypto/index.ts';
import type { Introduction } from './introduction.ts';

/** Names a contact; the messenger's row number. */
export type ContactRef = number;

export interface KnownContact {
  readonly id: ContactRef;
  readonly name: string;
  /** Undefined: cannot be called. */
  readonly address: string | undefined;
  /** The pinned key; undefined: never met. */
  readonly publicKey: PublicKey | undefined;
  /** Plain XX is forbidden, §7: for a contact that is reached over a serial line. */
  readonly needsCode: boolean;
}

/** A handshake that the other side has confirmed, and so whom it was with. */
export interface Confirmation {
  readonly pattern: 'XX' | 'XXpsk3' | 'KKpsk0';
  readonly remoteStatic: PublicKey;
  /** Capabilities and max_frame to keep; name and address are hints, §4.1. */
  readonly introduction: Introduction;
  /** Both sides proved the pairing code, §7. Never true but for XXpsk3. */
  readonly verified: boolean;
}

export interface ContactBook {
  all(): readonly KnownContact[];
  get(contact: ContactRef): KnownContact | undefined;
  /** Who is pinned to this key. Asked for each session, so it must not look through them all. */
  holderOf(key: PublicKey): KnownContact | undefined;
  /**
   * The contact for somebody who proved the pairing code that we hold: the one that has this key,
   * else an unpinned one that the hints fit, else a new row. Nothing is pinned yet.
   * @throws whatever the store throws; then the packet left no trace and may come again.
   */
  adopt(introduction: Introduction, remoteStatic: PublicKey): ContactRef;
  /**
   * Pins, durably, before the session is used or anything is answered. The key was judged
   * already: not our own, no other contact's, and the pinned one if there is one.
   * @throws whatever the store throws; then the packet left no trace and may come again.
   */
  confirm(contact: ContactRef, confirmation: Confirmation): void;
}
