/**
 * What lies between pure peers. Every exchange is a request and what comes back; each packet of
 * either is a delivery of its own, so that a test can lose, repeat, reorder or rewrite it.
 */
import type { ContactRef, StatusCode } from '../../src/protocol/index.ts';
import type { Parcel, PurePeer } from './pure-peer.ts';

export type Delivery =
  | {
      readonly kind: 'request';
      readonly to: PurePeer;
      readonly from: PurePeer;
      readonly contact: ContactRef;
      readonly packet: Uint8Array;
    }
  | {
      readonly kind: 'reply';
      readonly to: PurePeer;
      readonly contact: ContactRef;
      readonly packet: Uint8Array;
    }
  | {
      readonly kind: 'status';
      readonly to: PurePeer;
      readonly contact: ContactRef;
      readonly code: StatusCode;
      readonly about: Uint8Array;
    }
  /** The exchange that carried `packet` has succeeded. */
  | {
      readonly kind: 'success';
      readonly to: PurePeer;
      readonly contact: ContactRef;
      readonly packet: Uint8Array;
    };

export class Network {
  readonly peers: readonly PurePeer[];
  readonly underWay: Delivery[] = [];
  now = 0;
  /** Called before each delivery arrives. */
  watch: ((delivery: Delivery) => void) | undefined;

  constructor(peers: readonly PurePeer[]) {
    this.peers = peers;
  }

  /** Puts under way what a peer sends of its own accord. */
  post(from: PurePeer, parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      if (parcel.kind !== 'request') throw new Error(`${parcel.kind} outside of an exchange`);
      const to = this.peers.find(({ address }) => address === parcel.to);
      if (to !== undefined) this.underWay.push({ ...parcel, to, from });
    }
  }

  /** Takes a delivery off the line, the oldest unless told otherwise, and lets it arrive. */
  deliver(place = 0): void {
    const [delivery] = this.underWay.splice(place, 1);
    if (delivery !== undefined) this.arrive(delivery);
  }

  arrive(delivery: Delivery): void {
    const { to, contact } = delivery;
    this.watch?.(delivery);
    switch (delivery.kind) {
      case 'request':
        this.#serve(delivery);
        return;
      case 'reply':
        this.post(to, to.receive(delivery.packet, { exchange: 'mine', contact }, this.now));
        return;
      case 'status':
        this.post(to, to.hear(delivery.code, delivery.about, contact, this.now));
        return;
      case 'success':
        if (delivery.packet[0] === 10) {
          to.sessions.delivered(contact, to.sessions.currentIndex(contact) ?? 0);
        }
    }
  }

  /** Lets everything arrive, in order, and what comes of it. */
  settle(): void {
    for (let count = 0; this.underWay.length > 0; count += 1) {
      if (count > 10_000) throw new Error('the peers never fall silent');
      this.deliver();
    }
  }

  /** Lets time pass in steps, with everybody's ticks, and settles after each. */
  pass(duration_ms: number, step_ms = 1_000): void {
    for (const end = this.now + duration_ms; this.now < end; ) {
      this.now += step_ms;
      for (const peer of this.peers) this.post(peer, peer.tick(this.now));
      this.settle();
    }
  }

  #serve({ to, from, contact, packet }: Delivery & { readonly kind: 'request' }): void {
    const back: Delivery[] = [];
    for (const parcel of to.receive(packet, { exchange: 'theirs' }, this.now)) {
      if (parcel.kind === 'request') this.post(to, [parcel]);
      else back.push({ ...parcel, to: from, contact });
    }
    this.underWay.push(...back, { kind: 'success', to: from, contact, packet });
  }
}
