/** The firmware as a process on a pty behind a bridge; its contact an honest peer, or a rogue. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bridge, startBridge } from '../src/bridge/index.ts';
import { openssl } from '../src/crypto/index.ts';
import { decodePairingCode } from '../src/protocol/index.ts';
import { HostDevice } from '../test/hardware/host-device.ts';
import { PeerProcess, until } from '../test/support/peer-process.ts';
import { Rogue } from './rogue.ts';
import { post } from './wire.ts';

interface Facts {
  readonly line: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly unopened: number;
}

interface Attached {
  readonly folder: string;
  readonly serial: string;
  readonly device: HostDevice;
  bridge: Bridge;
  /** What the device says of itself at its own console. */
  facts(): Promise<Facts>;
  close(): Promise<void>;
}

export interface DeviceWorld extends Attached {
  readonly pi: PeerProcess;
  readonly said: string[];
  /** By an honest bridge. */
  reconnect(): Promise<void>;
}

export interface RogueWorld extends Attached {
  readonly rogue: Rogue;
  /** The device, in its book. */
  readonly contact: number;
}

async function attach(peer: string): Promise<Attached> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-attack-'));
  const flags = ['--pty', '--data', `${folder}/device`, '--name', 'esp', '--every', '200'];
  const device = new HostDevice(...flags, '--clock', '--tell');
  const [, serial = ''] = await device.until(/^serial: (.*)$/);
  const attached: Attached = {
    ...{ folder, serial, device },
    bridge: await openBridge(serial, peer),
    async facts() {
      device.type('show');
      const [json] = await device.until(/^\{.*\}$/);
      return JSON.parse(json) as Facts;
    },
    async close() {
      await attached.bridge.stop();
      await device.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return attached;
}

async function openBridge(serial: string, peer: string): Promise<Bridge> {
  const own = { serial, baud: 115_200, host: '127.0.0.1', port: 0, peers: [peer] };
  const bridge = await startBridge({ ...own, say: () => undefined });
  await until('the line is up', () => bridge.isUp() || undefined);
  return bridge;
}

async function codeOf(device: HostDevice): Promise<string> {
  device.type('pair');
  const [, code = ''] = await device.until(/^pairing code: (\S+) /);
  return code;
}

export async function openDeviceWorld(): Promise<DeviceWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-attack-'));
  const flags = ['--log-level', 'warn'];
  const pi = await new PeerProcess({ name: 'pi', folder, flags }).start();
  const attached = await attach(pi.origin);
  const world: DeviceWorld = Object.assign(attached, {
    ...{ pi, said: [] },
    async reconnect() {
      world.bridge = await openBridge(attached.serial, pi.origin);
      await pairHonest(world, world.bridge.origin);
    },
  });
  const close = attached.close;
  world.close = async () => {
    await pi.stop('SIGKILL');
    await close();
    rmSync(folder, { recursive: true, force: true });
  };
  await pairHonest(world, attached.bridge.origin);
  return world;
}

/** A code that was spoilt on the way is void; then people carry another. */
export async function pairHonest({ pi, device }: DeviceWorld, address: string): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const code = await codeOf(device);
    const { json } = await pi.post('/send_keys', { to: 'esp', address, code });
    if ((json as { verified?: boolean }).verified === true) return;
  }
  throw new Error('they did not meet');
}

/** A text each way arrives, once. */
export async function sayBothWays({ pi, device, said }: DeviceWorld): Promise<void> {
  const [down, up] = [`down ${said.length}`, `up ${said.length}`];
  said.push(down, up);
  device.type('decrypt_msg');
  await device.until(/^\d+ opened$/);
  const { status, text } = await pi.post('/send_msg', { to: 'esp', text: down });
  assert.equal(status, 202, text);
  const shown: string[] = [];
  device.onLine = (line) => void shown.push(line);
  await until(
    'the device shows it',
    () => {
      device.type('decrypt_msg');
      return shown.includes(down) || undefined;
    },
    { poll_ms: 200 },
  );
  device.type(`send_msg ${up}`);
  await until(
    'the peer shows it',
    async () => {
      const texts = await pi.openedTexts();
      return texts.includes(up) || undefined;
    },
    { poll_ms: 200 },
  );
  assert.equal(shown.filter((line) => line === down).length, 1, 'shown once');
}

export async function openRogueWorld(): Promise<RogueWorld> {
  const rogue = await Rogue.open('pi');
  const attached = await attach(rogue.address);
  const contact = rogue.peer.book.add('esp', attached.bridge.origin);
  const { secret } = decodePairingCode(openssl, await codeOf(attached.device));
  await rogue.carry(rogue.peer.triggerByCode(contact, secret, rogue.now));
  await attached.device.until(/^paired with pi, verified/);
  const close = attached.close;
  return Object.assign(attached, {
    ...{ rogue, contact },
    async close() {
      rogue.close();
      await close();
    },
  });
}

/** What its contact means well still arrives. */
export async function assertDeviceServed({ rogue, contact, bridge, device }: RogueWorld) {
  served += 1;
  device.type('decrypt_msg');
  await device.until(/^\d+ opened$/);
  const words = `honest ${served}`;
  const content = Uint8Array.of(1, ...new TextEncoder().encode(words));
  const epoch = { kind: 'outbox', epoch: BigInt(20_000 + served), lowest: 0n } as const;
  await post(bridge.origin, [
    rogue.seal(contact, [epoch, { kind: 'message', sequence: 0n, content }]),
  ]);
  device.type('decrypt_msg');
  await device.until(new RegExp(`^${words}$`));
  await device.until(/^\d+ opened$/);
}
let served = 0;
