/**
 * The only door for packets, whichever side opened the exchange. Judges each packet alone
 * (PROTOCOL §3), asks the pure machines what to do, stores what came in one transaction, and only
 * then says what goes back.
 */
import { release } from '../bytes.ts';
import type { CryptoProvider } from '../crypto/index.ts';
import { LinkError, StoreError } from '../failures.ts';
import {
  type AnswerPacket,
  decodeBundle,
  decodePacket,
  type Effect,
  encodeBundle,
  type Meetings,
  type Opened,
  type OpeningPacket,
  type Payload,
  RateLimit,
  RemoteProtocolError,
  type ReunionPacket,
  type Reunions,
  type Sessions,
  type StatusPacket,
  type TransportPacket,
  type Via,
} from '../protocol/index.ts';
import { Acceptance } from './acceptance.ts';
import type { Announcer } from './announcer.ts';
import type { Contacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import { Effects } from './effects.ts';
import type { Intake, Taken } from './intake.ts';
import { arrivalsOf, fitting, type Judging, judgingOf, sentByEcho } from './judging.ts';
import type { Letters } from './letters.ts';
import type { Observations } from './observations.ts';
import type { PictureWays } from './picture-ways.ts';
import type { Clock, ContactId, Log } from './ports.ts';
import { Refusals } from './refusals.ts';
import type { ToldTimes } from './told-times.ts';

/**
 * Letters that are read from the link, PROTOCOL §9, of all contacts together: whoever has heard a
 * hint can make this peer multiply, and no gate stands before it. A bundle holds 4,096.
 */
const LETTERS_A_SECOND = 64;
const LETTERS_BURST = 256;

/** What one reply may carry for a contact that cannot be called, so that others are not starved. */
const RIDING_BACK_MAX = 256 * 1024;

type HandshakePacket = OpeningPacket | AnswerPacket | ReunionPacket;

export interface ReceptionDeps {
  readonly crypto: CryptoProvider;
  readonly contacts: Contacts;
  readonly sessions: Sessions;
  readonly meetings: Meetings;
  readonly reunions: Reunions;
  readonly letters: Letters;
  readonly intake: Intake;
  readonly deliveries: Deliveries;
  readonly pictureWays: PictureWays;
  readonly announcer: Announcer;
  readonly observations: Observations;
  readonly times: ToldTimes;
  readonly clock: Clock;
  readonly log: Log;
}

export class Reception {
  readonly #deps: ReceptionDeps;
  readonly #acceptance: Acceptance;
  readonly #refusals: Refusals;
  readonly #effects: Effects;
  readonly #letterRate = new RateLimit(LETTERS_A_SECOND, LETTERS_BURST);

  constructor(deps: ReceptionDeps) {
    this.#deps = deps;
    this.#acceptance = new Acceptance(deps);
    this.#refusals = new Refusals(deps);
    this.#effects = new Effects(deps, this.#refusals);
  }

  /** Effects that answer no packet: of a trigger, a tick, a status. */
  carryOut(effects: readonly Effect[]): void {
    this.#effects.carryOut(effects);
  }

  /**
   * A bundle that somebody brought; returns the one that goes back.
   * @throws {RemoteProtocolError} `malformed` if the framing is not exact: nothing was processed.
   */
  async receive(bundle: Uint8Array): Promise<Uint8Array> {
    const judging = this.#judge(decodeBundle(bundle), { exchange: 'theirs' });
    if (judging.arrivals.length > 0) {
      try {
        const taken = await this.#acceptance.withOthers(arrivalsOf(judging));
        // From here on nobody else's turn: a reply carries the acknowledgement that it owes.
        this.#stored(taken, judging);
      } catch (error) {
        this.#notStored(error, judging);
      }
    }
    return encodeBundle(fitting(this.#answersTo(judging)));
  }

  #answersTo(judging: Judging): readonly Uint8Array[] {
    const { deliveries, contacts } = this.#deps;
    for (const contact of judging.heard) {
      const known = contacts.get(contact);
      if (known === undefined) continue;
      const callable = known.address !== undefined;
      if (judging.owed.has(contact)) deliveries.of(contact).confirm();
      if (!callable || judging.owed.has(contact) || deliveries.of(contact).owes) {
        judging.answers.push(...deliveries.of(contact).riding(RIDING_BACK_MAX, !callable));
      }
      if (callable) deliveries.heard(contact);
    }
    return judging.answers;
  }

  /**
   * The reply to a bundle of ours. `sent` are the packets it answers.
   * @returns whether it brought anything forward.
   */
  receiveReply(contact: ContactId, reply: Uint8Array, sent: readonly Uint8Array[]): boolean {
    // Removed while the exchange was under way: nothing is kept for it any more.
    if (this.#deps.contacts.get(contact) === undefined) return false;
    let packets: readonly Uint8Array[];
    try {
      packets = decodeBundle(reply);
    } catch (error) {
      this.#refusals.refuse(error);
      return false;
    }
    const judging = this.#judge(packets, { exchange: 'mine', contact }, sent);
    if (judging.arrivals.length > 0) this.#storeNow(judging);
    const delivery = this.#deps.deliveries.of(contact);
    for (const packet of judging.answers) delivery.urge(packet);
    for (const other of judging.owed) this.#deps.deliveries.of(other).confirm();
    return judging.progress || judging.answers.length > 0;
  }

  /**
   * A letter file: all of its packets, or none if one cannot be read.
   * @throws {RemoteProtocolError} @throws {StoreError}
   */
  receiveLetter(packets: readonly Uint8Array[], carrier: 'file' | 'image'): readonly Taken[] {
    return this.#acceptance.letters(
      packets.map((packet) => this.#deps.letters.open(packet, carrier)),
    );
  }

  #judge(packets: readonly Uint8Array[], via: Via, sent: readonly Uint8Array[] = []): Judging {
    const judging = judgingOf(via, sentByEcho(this.#deps.crypto, sent));
    for (const packet of packets) this.#judgeOne(packet, judging);
    return judging;
  }

  #judgeOne(packet: Uint8Array, judging: Judging): void {
    const { letters } = this.#deps;
    const now = this.#deps.clock.monotonic_ms();
    try {
      const decoded = decodePacket(packet);
      switch (decoded.type) {
        case 'TRANSPORT':
          this.#transport(decoded, packet, now, judging);
          break;
        case 'STATUS':
          this.#status(decoded, judging, now);
          break;
        case 'LETTER':
          this.#deps.observations.ciphertext('in', packet);
          judging.arrivals.push({
            arrival: letters.open(packet, 'file', () => this.#letterRate.take(now)),
            packet,
          });
          break;
        default:
          this.#handshake(decoded, packet, judging, now);
      }
    } catch (error) {
      this.#refusals.refusePacket(error, packet, judging);
    }
  }

  /**
   * Reading an answer to a handshake takes Diffie-Hellman, and whoever sees the line can forge one:
   * one that is refused is the last that its bundle has read, PROTOCOL §4.2. More of them cost a
   * request each, of which there are only so many; a limit for all would keep the honest one out.
   */
  #handshake(decoded: HandshakePacket, packet: Uint8Array, judging: Judging, now: number): void {
    const { meetings, reunions } = this.#deps;
    const isAnswer = 'index' in decoded;
    if (isAnswer && judging.hasForgedAnswer) throw new RemoteProtocolError('busy');
    const isReunion = decoded.type === 'KK1' || decoded.type === 'KK2';
    // A handshake may be kept for long, and the bundle that it is a view of is not ours.
    const effects = (isReunion ? reunions : meetings).receive(packet.slice(), judging.via, now);
    const isForged = effects.some((each) => each.kind === 'refused' && each.reason !== 'stale');
    if (isAnswer && isForged) judging.hasForgedAnswer = true;
    this.#effects.carryOutFor(effects, judging, packet);
  }

  #transport(decoded: TransportPacket, packet: Uint8Array, now: number, judging: Judging): void {
    const { sessions, observations, contacts, announcer } = this.#deps;
    const opened = sessions.open(decoded, now);
    observations.ciphertext('in', packet);
    const { contact, payloads, promoted } = opened;
    judging.heard.add(contact);
    if (promoted !== undefined) {
      announcer.promoted(contact, promoted);
      judging.owed.add(contact);
      judging.progress = true;
    }
    this.#acknowledgements(opened, judging);
    this.#times(opened, judging);
    if (payloads.some(({ kind }) => kind === 'outbox')) {
      const verified = contacts.get(contact)?.verified ?? false;
      const arrival = { contact, carrier: 'session' as const, verified, payloads };
      judging.arrivals.push({ arrival, packet });
    }
  }

  #acknowledgements({ contact, payloads }: Opened, judging: Judging): void {
    for (const payload of payloads) {
      if (payload.kind === 'ack' && this.#deps.deliveries.of(contact).acknowledged(payload)) {
        judging.progress = true;
      }
      if (payload.kind !== 'letter_ack') continue;
      this.#deps.letters.acknowledged(contact, payload);
      if (this.#deps.pictureWays.acknowledged(contact, payload)) judging.progress = true;
    }
  }

  /** A device that asks for the time waits for it in this very exchange. */
  #times({ contact, payloads }: Opened, judging: Judging): void {
    for (const payload of payloads) {
      if (payload.kind !== 'time') continue;
      const answer = this.#deps.times.heard(contact, payload);
      if (answer.length === 0) continue;
      this.#deps.deliveries.of(contact).owe(answer);
      judging.owed.add(contact);
    }
  }

  #storeNow(judging: Judging): void {
    try {
      this.#stored(this.#acceptance.now(arrivalsOf(judging)), judging);
    } catch (error) {
      this.#notStored(error, judging);
    }
  }

  #stored(taken: readonly Taken[], judging: Judging): void {
    for (const { arrival } of judging.arrivals) releasePlaintext(arrival.payloads);
    for (const contact of this.#acceptance.acknowledge(taken)) judging.owed.add(contact);
    judging.progress = true;
  }

  #notStored(error: unknown, judging: Judging): void {
    if (!(error instanceof StoreError)) throw error;
    this.#deps.log.error('store_failed', { failure: error.failure, detail: error.message });
    for (const { packet } of judging.arrivals) this.#refusals.tell('busy', packet, judging);
    this.#deps.observations.refused('busy');
  }

  /** A hint about one of the packets that we sent in this very exchange. */
  #status({ code, echo }: StatusPacket, { via, takeSent }: Judging, now: number): void {
    const { meetings, reunions } = this.#deps;
    if (via.exchange === 'theirs') throw new RemoteProtocolError('stale');
    const about = takeSent(echo);
    if (about === undefined) throw new RemoteProtocolError('stale');
    const { type } = decodePacket(about);
    const { contact } = via;
    if (type === 'TRANSPORT') {
      if (code === 'unknown') this.#effects.carryOut(reunions.start(contact, now));
      if (code === 'busy') this.#tellBusy(contact);
    } else if (type === 'KK1' || type === 'KK2') {
      this.#effects.carryOut(reunions.status(code, about, contact, now));
    } else if (type !== 'LETTER' && type !== 'STATUS') {
      this.#effects.carryOut(meetings.status(code, about, contact, now));
    }
  }

  /** Until an exchange says otherwise: its disk may be full, and somebody there has to act. */
  #tellBusy(contact: ContactId): void {
    const why =
      'it answers, but can store nothing now, perhaps for want of room; it is tried again';
    this.#deps.deliveries.of(contact).lastError = new LinkError('busy', why);
    this.#deps.announcer.tell('queue', contact);
  }
}

/** What was opened lies in a buffer of its own, and everything of it is stored by now. */
function releasePlaintext(payloads: readonly Payload[]): void {
  const part = payloads.find((payload) => payload.kind === 'part');
  if (part !== undefined) release(new Uint8Array(part.slice.buffer));
}
