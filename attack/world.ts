/** Alice and bob in processes of their own, who have met, with a wire between them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerProcess, until } from '../test/support/peer-process.ts';
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

/** @param flags further ones of `sotto up`, for both. */
export async function openWorld(flags: readonly string[] = []): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-attack-'));
  const [toBob, toAlice] = await Promise.all([Wire.open(), Wire.open()]);
  const common = ['--log-level', 'warn', ...flags];
  const peer = (name: string, own: Wire, other: string, address: string) =>
    new PeerProcess({
      name,
      folder: join(folder, name),
      flags: [...common, '--address', own.address, '--contact', `${other}=${address}`],
    });
  const alice = peer('alice', toAlice, 'bob', toBob.address);
  const bob = peer('bob', toBob, 'alice', toAlice.address);
  await Promise.all([alice.start(), bob.start()]);
  [toAlice.target, toBob.target] = [alice.origin, bob.origin];
  await alice.post('/send_keys');
  const { status, text } = await bob.post('/send_keys');
  assert.equal(status, 200, text);
  return {
    ...{ alice, bob, toBob, toAlice, said: [] },
    async close() {
      await Promise.all([alice.stop('SIGKILL'), bob.stop('SIGKILL')]);
      for (const wire of [toBob, toAlice]) wire.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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

/** Sends one text from alice to bob. @returns when it was acknowledged. */
export async function say({ alice, said }: World, text: string): Promise<void> {
  said.push(text);
  const {
    status,
    json,
    text: answer,
  } = await alice.post('/send_msg', { text, to: 'bob', wait: 30 });
  assert.equal(status, 202, answer);
  if (json.delivered === true) return;
  await until(`bob acknowledges`, async () => {
    const { queued } = await alice.contact('bob');
    return queued.messages === 0 ? true : undefined;
  });
}

/** Texts that bob had not opened yet. */
export async function heard({ bob }: World): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const headers = { authorization: `Bearer ${bob.token}` };
    const { json, text } = await bob.call('POST', '/decrypt_msg', { headers });
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
