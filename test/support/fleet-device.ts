/**
 * A device as the Pi sees it: real packets, a real session, a real socket; only its sensors are
 * made up. It cannot be called, so it starts every exchange, and does in it what the firmware does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from 'cborg';
import { request } from 'undici';
import { equal, openssl } from '../../src/crypto/index.ts';
import {
  DEVICE_LIMITS,
  decodeBundle,
  decodePacket,
  decodePairingCode,
  echoOf,
  encodeBundle,
  type Payload,
} from '../../src/protocol/index.ts';
import { type Parcel, PurePeer } from './pure-peer.ts';
import { Random } from './random.ts';

/** Labels of RFC 8428 §6. */
const [BASE_NAME, BASE_TIME, NAME, UNIT, VALUE] = [-2, -3, 0, 1, 2];
const READINGS = 3;
/** Before it tries again, told nothing. */
const BACKOFF_MS = 1_000;

type Outcome = 'acknowledged' | 'unknown' | 'nothing';

export class FleetDevice {
  readonly #peer: PurePeer;
  readonly #pi: string;
  readonly #name: string;
  readonly #contact: number;
  #sequence = 0n;

  constructor(number: number, pi: string) {
    this.#name = `device-${number}`;
    this.#pi = pi;
    const random = new Random(number + 1);
    this.#peer = new PurePeer(this.#name, random, { limits: DEVICE_LIMITS, canBeCalled: false });
    this.#contact = this.#peer.book.add('pi', pi);
  }

  /** @param code a pairing code that the Pi has just made. */
  async pair(code: string): Promise<void> {
    const { secret } = decodePairingCode(openssl, code);
    await this.#carry(this.#peer.triggerByCode(this.#contact, secret, now()));
    if (this.#standing !== 'current') throw new Error(`${this.#name} has no session`);
  }

  get #standing() {
    return this.#peer.sessions.standing(this.#contact, now());
  }

  /**
   * One reading, acknowledged; meets again first where the Pi says that it has no such session.
   * @throws where the Pi does not answer; then the next one repeats its sequence number
   */
  async report(value = 21.5): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      if (this.#standing !== 'current') await this.#meetAgain();
      if (this.#standing !== 'current') continue;
      const packet = this.#peer.sessions.seal(this.#contact, this.#reading(value), now());
      const outcome = await this.#outcomeOf(packet);
      if (outcome === 'acknowledged') {
        this.#sequence += 1n;
        return;
      }
      if (outcome === 'unknown') await this.#meetAgain();
      else await sleep(BACKOFF_MS);
    }
    throw new Error(`${this.#name} got no acknowledgement in 5 tries`);
  }

  /** One exchange: the reading that follows is the packet that confirms the session. */
  async #meetAgain(): Promise<void> {
    const via = { exchange: 'mine', contact: this.#contact } as const;
    for (const parcel of this.#peer.trigger(this.#contact, now())) {
      if (parcel.kind !== 'request') continue;
      for (const packet of await this.#exchange(parcel.packet)) {
        if (packet[0] !== STATUS) this.#peer.receive(packet, via, now());
      }
    }
    if (this.#standing !== 'current') await sleep(BACKOFF_MS);
  }

  async #outcomeOf(packet: Uint8Array): Promise<Outcome> {
    for (const reply of await this.#exchange(packet)) {
      const decoded = decodePacket(reply);
      if (decoded.type === 'STATUS') {
        const isAbout = equal(decoded.echo, echoOf(openssl, packet));
        if (isAbout && decoded.code === 'unknown') return 'unknown';
      }
      if (decoded.type !== 'TRANSPORT') continue;
      const { payloads } = this.#peer.sessions.open(decoded, now());
      if (payloads.some((payload) => payload.kind === 'ack' && payload.next > this.#sequence)) {
        return 'acknowledged';
      }
    }
    return 'nothing';
  }

  #reading(value: number): Payload[] {
    const records = [
      { [BASE_NAME]: `${this.#name}:`, [BASE_TIME]: Math.round(Date.now() / 1_000) },
      ...SENSORS.map(([name, unit]) => ({ [NAME]: name, [UNIT]: unit, [VALUE]: value })),
    ];
    const [base, first, ...others] = records;
    const pack = [{ ...base, ...first }, ...others].map((record) => mapOf(record ?? {}));
    return [
      { kind: 'outbox', epoch: 1n, lowest: this.#sequence },
      {
        kind: 'message',
        sequence: this.#sequence,
        content: Uint8Array.of(READINGS, ...encode(pack)),
      },
    ];
  }

  async #carry(parcels: readonly Parcel[]): Promise<void> {
    for (const parcel of parcels) {
      if (parcel.kind !== 'request') continue;
      for (const packet of await this.#exchange(parcel.packet)) {
        if (packet[0] === STATUS) continue;
        const via = { exchange: 'mine', contact: this.#contact } as const;
        await this.#carry(this.#peer.receive(packet, via, now()));
      }
    }
  }

  async #exchange(packet: Uint8Array): Promise<readonly Uint8Array[]> {
    const { statusCode, body } = await request(`${this.#pi}/packets`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: encodeBundle([packet]),
    });
    const reply = await body.bytes();
    return statusCode === 200 ? decodeBundle(reply) : [];
  }
}

const STATUS = 11;
/** What each reading has a value of. */
export const SENSORS = [
  ['temp_bmp', 'Cel'],
  ['pressure_bmp', 'Pa'],
  ['humid_sht4', '%RH'],
] as const;

function now(): number {
  return performance.now();
}

/** With numbers as keys, which no object of JavaScript has. */
function mapOf(record: object): Map<number, unknown> {
  return new Map(Object.entries(record).map(([label, value]) => [Number(label), value]));
}
