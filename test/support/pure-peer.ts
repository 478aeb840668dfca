/**
 * A peer made of the three pure machines and a contact book in memory: what the messenger does
 * with them, without links, store or clock. Packets leave as parcels, for a test to deliver.
 */
import {
  type CryptoProvider,
  equal,
  type KeyPair,
  openssl,
  type PublicKey,
} from '../../src/crypto/index.ts';
import {
  type Comparison,
  type Confirmation,
  type ContactBook,
  type ContactRef,
  decodePacket,
  type Effect,
  type Introduction,
  type KnownContact,
  type MeetingFailure,
  type MeetingOptions,
  Meetings,
  type PairingSecret,
  PEER_LIMITS,
  type RefusalReason,
  RemoteProtocolError,
  Reunions,
  type Self,
  type SessionLimits,
  Sessions,
  type StatusCode,
  type Via,
} from '../../src/protocol/index.ts';
import type { Random } from './random.ts';

export class MemoryBook implements ContactBook {
  readonly contacts: KnownContact[] = [];
  readonly verified = new Set<ContactRef>();
  /** Throws instead of writing, as a full disk does. */
  isFull = false;

  all(): readonly KnownContact[] {
    return this.contacts;
  }

  get(contact: ContactRef): KnownContact | undefined {
    return this.contacts.find(({ id }) => id === contact);
  }

  add(name: string, address: string | undefined, publicKey?: PublicKey): ContactRef {
    const id = this.contacts.length + 1;
    this.contacts.push({ id, name, address, publicKey, needsCode: false });
    return id;
  }

  change(contact: ContactRef, change: Partial<KnownContact>): void {
    const place = this.contacts.findIndex(({ id }) => id === contact);
    const before = this.contacts[place];
    if (before !== undefined) this.contacts[place] = { ...before, ...change };
  }

  holderOf(key: PublicKey): KnownContact | undefined {
    return this.contacts.find((each) => each.publicKey && equal(each.publicKey, key));
  }

  adopt({ name, address }: Introduction, remoteStatic: PublicKey): ContactRef {
    if (this.isFull) throw new Error('disk full');
    const holder = this.holderOf(remoteStatic);
    const fitting = this.contacts.find((each) => !each.publicKey && each.address === address);
    return (holder ?? fitting)?.id ?? this.add(name, address);
  }

  confirm(contact: ContactRef, { remoteStatic, verified }: Confirmation): void {
    if (this.isFull) throw new Error('disk full');
    this.change(contact, { publicKey: remoteStatic });
    if (verified) this.verified.add(contact);
  }
}

/** One packet under way: as a request to an address, or in the reply to one. */
export type Parcel =
  | {
      readonly kind: 'request';
      readonly to: string;
      readonly contact: ContactRef;
      readonly packet: Uint8Array;
    }
  | { readonly kind: 'reply'; readonly packet: Uint8Array }
  | { readonly kind: 'status'; readonly code: StatusCode; readonly about: Uint8Array };

export interface Shown {
  readonly contact: ContactRef;
  readonly comparison: Comparison;
}

export interface PeerOptions {
  readonly crypto?: CryptoProvider;
  readonly staticKeys?: KeyPair;
  readonly limits?: SessionLimits;
  readonly meetings?: MeetingOptions;
  /** False: has no address of its own. */
  readonly canBeCalled?: boolean;
  /** Where it is called; otherwise one that leads nowhere. */
  readonly address?: string;
}

export class PurePeer {
  readonly address: string;
  readonly book = new MemoryBook();
  readonly self: Self;
  readonly shown: Shown[] = [];
  /** Since the last trigger. */
  readonly failures: MeetingFailure[] = [];
  readonly refusals: RefusalReason[] = [];
  readonly promotions: Confirmation[] = [];
  readonly random: Random;
  sessions: Sessions;
  meetings: Meetings;
  reunions: Reunions;
  readonly #options: PeerOptions;

  constructor(name: string, random: Random, options: PeerOptions = {}) {
    const crypto = options.crypto ?? openssl;
    this.random = random;
    this.address = options.address ?? `http://${name}:5000`;
    const address = options.canBeCalled === false ? undefined : this.address;
    const randomBytes = (size: number) => random.bytes(size);
    this.self = {
      crypto,
      randomBytes,
      staticKeys: options.staticKeys ?? crypto.generateKeyPair(randomBytes),
      introduce: () => ({ capabilities: 3, maxFrame: 65_535, name, address }),
    };
    this.#options = options;
    [this.sessions, this.meetings, this.reunions] = this.#machines();
  }

  /** Pins survive, in the book; nothing else does. */
  restart(): void {
    this.failures.length = 0;
    [this.sessions, this.meetings, this.reunions] = this.#machines();
  }

  /** A person's send_keys: by KK if the contact is pinned, unless `again`. */
  trigger(contact: ContactRef, now: number, again = false): Parcel[] {
    const isPinned = this.book.get(contact)?.publicKey !== undefined;
    // A person tries anew: what failed before says nothing about it.
    this.failures.length = 0;
    const effects =
      isPinned && !again ? this.reunions.start(contact, now) : this.meetings.trigger(contact, now);
    return this.#carryOut(effects, undefined, now);
  }

  triggerByCode(contact: ContactRef, secret: PairingSecret, now: number): Parcel[] {
    return this.#carryOut(this.meetings.trigger(contact, now, secret), undefined, now);
  }

  tick(now: number): Parcel[] {
    const machines = [this.sessions, this.meetings, this.reunions];
    return machines.flatMap((machine) => this.#carryOut(machine.tick(now), undefined, now));
  }

  /** Something to send: an empty packet stands for it. Without a session it takes a KK. */
  sendSomething(contact: ContactRef, now: number): Parcel[] {
    const standing = this.sessions.standing(contact, now);
    if (standing === 'current') return this.#request(contact, this.#empty(contact, now));
    const isPinned = this.book.get(contact)?.publicKey !== undefined;
    if (!isPinned) return [];
    const renewal = this.#carryOut(this.reunions.start(contact, now), undefined, now);
    if (standing !== 'to_be_renewed') return renewal;
    return [...renewal, ...this.#request(contact, this.#empty(contact, now))];
  }

  receive(packet: Uint8Array, via: Via, now: number): Parcel[] {
    return this.#carryOut(this.judge(packet, via, now), { packet, via }, now);
  }

  /** What `receive` would carry out. */
  judge(packet: Uint8Array, via: Via, now: number): Effect[] {
    switch (packet[0]) {
      case 7:
      case 8:
        return this.reunions.receive(packet, via, now);
      case 10:
        return this.#open(packet, now);
      default:
        return this.meetings.receive(packet, via, now);
    }
  }

  /** STATUS that came back about `packet`, which we sent to this contact. */
  hear(code: StatusCode, packet: Uint8Array, contact: ContactRef, now: number): Parcel[] {
    if (packet[0] === 10) return code === 'unknown' ? this.trigger(contact, now) : [];
    const machine = packet[0] === 7 || packet[0] === 8 ? this.reunions : this.meetings;
    return this.#carryOut(machine.status(code, packet, contact, now), undefined, now);
  }

  #open(packet: Uint8Array, now: number): Effect[] {
    try {
      const decoded = decodePacket(packet);
      if (decoded.type !== 'TRANSPORT') throw new RemoteProtocolError('malformed');
      const { contact, promoted } = this.sessions.open(decoded, now);
      if (promoted === undefined) return [];
      return [
        { kind: 'promoted', contact, confirmation: promoted },
        { kind: 'confirm', contact, how: 'answer' },
      ];
    } catch (cause) {
      if (!(cause instanceof RemoteProtocolError)) throw cause;
      const status = cause.reason === 'unknown_session' ? 'unknown' : undefined;
      return [{ kind: 'refused', reason: cause.reason, status }];
    }
  }

  #carryOut(
    effects: readonly Effect[],
    cause: { readonly packet: Uint8Array; readonly via: Via } | undefined,
    now: number,
  ): Parcel[] {
    return effects.flatMap((effect): Parcel[] => {
      switch (effect.kind) {
        case 'answer':
          return this.#answer(effect.packet, cause?.via);
        case 'send':
          return this.#request(effect.contact, effect.packet);
        case 'confirm':
          return this.#confirm(effect.contact, effect.how, cause?.via, now);
        case 'refused': {
          this.refusals.push(effect.reason);
          const isHeard = cause?.via.exchange === 'theirs' && effect.status !== undefined;
          return isHeard ? [{ kind: 'status', code: effect.status, about: cause.packet }] : [];
        }
        default:
          this.#note(effect);
          return [];
      }
    });
  }

  #note(effect: Effect): void {
    if (effect.kind === 'comparison') this.shown.push(effect);
    if (effect.kind === 'promoted') this.promotions.push(effect.confirmation);
    if (effect.kind === 'failed') this.failures.push(effect.reason);
  }

  #confirm(contact: ContactRef, how: 'answer' | 'send', via: Via | undefined, now: number) {
    if (this.sessions.standing(contact, now) === 'none') return [];
    const packet = this.#empty(contact, now);
    return how === 'send' ? this.#request(contact, packet) : this.#answer(packet, via);
  }

  #answer(packet: Uint8Array, via: Via | undefined): Parcel[] {
    if (via?.exchange === 'mine') return this.#request(via.contact, packet);
    return [{ kind: 'reply', packet }];
  }

  #request(contact: ContactRef, packet: Uint8Array): Parcel[] {
    const to = this.book.get(contact)?.address;
    return to === undefined ? [] : [{ kind: 'request', to, contact, packet }];
  }

  #empty(contact: ContactRef, now: number): Uint8Array {
    return this.sessions.seal(contact, [], now);
  }

  #machines(): [Sessions, Meetings, Reunions] {
    const { limits = PEER_LIMITS, meetings: options = {} } = this.#options;
    const sessions = new Sessions(this.self, this.book, limits);
    const meetings = new Meetings(this.self, this.book, sessions, options);
    return [sessions, meetings, new Reunions(this.self, this.book, sessions, meetings)];
  }
}

/** The index that a packet names, for a test to look at. */
export function indexIn(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(4);
}

/** Whether both sides would send on the same session, each as the other's current one. */
export function agree(one: PurePeer, other: PurePeer, now: number): boolean {
  return names(one, other, now) && names(other, one, now);
}

function names(sender: PurePeer, receiver: PurePeer, now: number): boolean {
  const to = contactOf(sender, receiver);
  const from = contactOf(receiver, sender);
  if (sender.sessions.standing(to, now) === 'none') return false;
  const packet = sender.sessions.seal(to, [], now);
  if (indexIn(packet) !== receiver.sessions.currentIndex(from)) return false;
  return receiver.judge(packet, { exchange: 'theirs' }, now).length === 0;
}

export function contactOf(peer: PurePeer, other: PurePeer): ContactRef {
  const key = other.self.staticKeys.publicKey;
  const { contacts } = peer.book;
  const pinned = contacts.find(({ publicKey }) => publicKey && equal(publicKey, key));
  return (pinned ?? contacts.find(({ address }) => address === other.address))?.id ?? 0;
}
