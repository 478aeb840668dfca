/** Alice and bob, before and after they have met. */
import type { PairingSecret } from '../../src/protocol/index.ts';
import { Network } from './pure-network.ts';
import { type Parcel, type PeerOptions, PurePeer } from './pure-peer.ts';
import { Random } from './random.ts';

export const THEIRS = { exchange: 'theirs' } as const;
export const NOTHING = new Uint8Array(0);

/** They know each other's addresses and nothing else. */
export function strangers(seed = 1, options: PeerOptions = {}) {
  const alice = new PurePeer('alice', new Random(seed), options);
  const bob = new PurePeer('bob', new Random(seed + 0x5eed), options);
  const network = new Network([alice, bob]);
  const toBob = alice.book.add('bob', bob.address);
  const toAlice = bob.book.add('alice', alice.address);
  return { alice, bob, network, toBob, toAlice };
}

/** By XX, as people do. */
export function friends(seed = 1, options: PeerOptions = {}) {
  const met = strangers(seed, options);
  const { alice, bob, network, toBob, toAlice } = met;
  network.post(alice, alice.trigger(toBob, 0));
  network.settle();
  network.post(bob, bob.trigger(toAlice, 0));
  network.settle();
  return met;
}

export function secretOf(seed: number): PairingSecret {
  return new Random(seed).bytes(16) as PairingSecret;
}

export function packetsOf(parcels: readonly Parcel[]): readonly Uint8Array[] {
  return parcels.flatMap((parcel) => ('packet' in parcel ? [parcel.packet] : []));
}
