/** Alice and bob in processes of their own, who have met, with a wire between them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, PeerProcess, until } from '../test/support/peer-process.ts';
import { Wire } from './wire.ts';

export interface World {
  readonly alice: PeerProcess;
  readonly bob: PeerProcess;
  /** By which bob is called, and by which alice is. */
  readonly toBob: Wire;
  readonly toAlice: Wire;
  /** Every text that was sent here, for a search of the wire. */
  readonly said: string[];
  close(): Promise<void>;
}

/** @param demo as `npm start` runs them; otherwise as `sotto up` does, where an operator has a token. */
export async function openWorld(demo = true): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-attack-'));
  const [toBob, toAlice] = await Promise.all([Wire.open(), Wire.open()]);
  const common = ['--log-level', 'warn', '--trust', 'tofu'];
  const peer = (name: string, own: Wire, other: string, address: string) =>
    new PeerProcess({
      name,
      demo,
      folder: join(folder, name),
      flags: [...common, '--address', own.address, '--contact', `${other}=${address}`],
    });
  const alice = peer('alice', toAlice, 'bob', toBob.address);
  const bob = peer('bob', toBob, 'alice', toAlice.address);
  await Promise.all([alice.start(), bob.start()]);
  [toAlice.target, toBob.target] = [alice.origin, bob.origin];
  await asOperator(alice, '/send_keys');
  const { status, text } = await asOperator(bob, '/send_keys');
  assert.equal(status, 200, text);
  // Alice has the session when bob's first packet on it has arrived.
  await until('both have a session', async () => {
    const states = await Promise.all([alice, bob].map(async (peer) => await shown(peer)));
    const isCurrent = states.every(({ contacts }) => contacts[0].session === 'current');
    return isCurrent || undefined;
  });
  return {
    ...{ alice, bob, toBob, toAlice, said: [] },
    async close() {
      await Promise.all([alice.stop('SIGKILL'), bob.stop('SIGKILL')]);
      for (const wire of [toBob, toAlice]) wire.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Who holds the token. */
export function asOperator(peer: PeerProcess, path: string, json?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${peer.token}` };
  return peer.call('POST', path, { headers, ...(json && { json }) });
}

/** What a peer's `/show` says, at this moment. */
export async function shown(peer: PeerProcess) {
  const headers = { authorization: `Bearer ${peer.token}` };
  return (await peer.call('GET', '/show', { headers })).json;
}

/** How many packets it has refused, by reason. */
export async function refused(peer: PeerProcess): Promise<Readonly<Record<string, number>>> {
  return (await shown(peer)).refused;
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Sends one text from alice to bob. @returns when it was acknowledged. */
export async function say({ alice, said }: World, text: string): Promise<void> {
  said.push(text);
  const message = { text, to: 'bob', wait: 30 };
  const { status, json, text: answer } = await asOperator(alice, '/send_msg', message);
  assert.equal(status, 202, answer);
  if (json.delivered === true) return;
  await until(`bob acknowledges`, async () => {
    const { queued } = (await shown(alice)).contacts[0];
    return queued.messages === 0 ? true : undefined;
  });
}

/** Texts that bob had not opened yet. */
export async function heard({ bob }: World): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const { json, text } = await asOperator(bob, '/decrypt_msg');
    assert.ok(json?.messages, text);
    if (json.count === 0) return texts;
    texts.push(...json.messages.map((message: { text: string }) => message.text));
  }
}

/** An honest message still arrives, once, and the peer's memory has a bound. */
export async function assertServed(world: World): Promise<void> {
  const { alice, bob, toBob, toAlice } = world;
  [toBob.tampering, toAlice.tampering] = [{}, {}];
  await heard(world);
  const text = `honest ${world.said.length}`;
  await say(world, text);
  assert.deepEqual(await heard(world), [text], 'an honest message arrives once');
  for (const peer of [alice, bob]) {
    assert.ok(peer.peakMemory() < MEMORY_MAX, `${peer.name} holds ${peer.peakMemory()} bytes`);
  }
}

/** Of one process, resident, whatever was done to it. An idle one holds about a quarter of it. */
const MEMORY_MAX = 512 * 1024 * 1024;
