/** Two peers, a device and its bridge, each a process, and a wire in front of each of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { firmwareMissing, make } from '../test/hardware/host-device.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { Ledger } from '../test/support/ledger.ts';
import { MovedClock } from '../test/support/moved-clock.ts';
import { until } from '../test/support/peer-process.ts';
import type { Random } from '../test/support/random.ts';
import { SmallDisk } from '../test/support/small-disk.ts';
import { Device } from './device.ts';
import { Child, type Part } from './part.ts';
import { Side } from './side.ts';

const ENTRY = fileURLToPath(new URL('./peer.ts', import.meta.url));
/** Ports: of alice, bob and the bridge, and of the wire in front of each. */
const PARTS = 6;
const DISK_SIZE_MiB = 64;

/** Left out on a machine that cannot build the firmware. */
export interface DeviceScene {
  readonly device: Device;
  readonly bridge: Child;
  /** What alice sends it. */
  readonly ledger: Ledger;
}

export interface Scene {
  readonly alice: Side;
  readonly bob: Side;
  readonly esp: DeviceScene | undefined;
  readonly wires: readonly Child[];
  /** That of bob and of the device. */
  readonly disk: SmallDisk;
  /** What wires and line have done, by fault. */
  readonly faults: ReadonlyMap<string, number>;
  /** All that can be killed. */
  readonly parts: readonly Part[];
  become(mood: 'good' | 'bad'): Promise<void>;
  /** While nobody is connected to anybody, and what is open is open for good. */
  inSilence<T>(act: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** @param longest_ms how long anybody may be cut off from anybody. */
export async function openScene(random: Random, longest_ms: number): Promise<Scene> {
  const root = mkdtempSync(join(tmpdir(), 'sotto-soak-'));
  const disk = new SmallDisk(DISK_SIZE_MiB);
  const faults = new Map<string, number>();
  const first = await freePorts(PARTS);
  const [aliceAt, bobAt, bridgeAt, toAlice, toBob, toBridge] = Array.from(
    { length: PARTS },
    (_, at) => `http://127.0.0.1:${first + at}`,
  ) as [string, string, string, string, string, string];
  const port = (origin: string) => new URL(origin).port;
  const child = (name: string, entry: string, args: readonly string[]) =>
    new Child({ name, entry, args, random, faults });
  const wire = (from: string, to: string) =>
    child(`wire to ${port(to)}`, './wire.ts', [port(from), to]);
  const side = (name: string, folder: string, at: string, via: string, other: string, to: string) =>
    new Side({ name, folder, entry: ENTRY, other, clock: new MovedClock() }, [
      ...['--log-level', 'error', '--port', port(at), '--address', via],
      ...['--contact', `${other}=${to}`],
    ]);

  const alice = side('alice', join(root, 'alice'), aliceAt, toAlice, 'bob', toBob);
  const bob = side('bob', join(disk.folder, 'bob'), bobAt, toBob, 'alice', toAlice);
  const wires = [wire(toAlice, aliceAt), wire(toBob, bobAt), wire(toBridge, bridgeAt)];
  await Promise.all([alice, bob, ...wires].map((part) => part.start()));
  await meet(alice, bob);

  const line = join(root, 'line');
  const bridge = child('bridge', './bridge.ts', [port(bridgeAt), line, toAlice]);
  const folder = join(disk.folder, 'esp');
  const esp = await attach({ alice, bridge, line, folder, longest_ms }, toBridge);
  const carriers = [...wires, ...(esp ? [bridge] : [])];
  return {
    ...{ alice, bob, esp, wires, disk, faults },
    parts: [alice, bob, ...carriers, ...(esp ? [esp.device] : [])],
    async become(mood) {
      const changing = carriers.filter(({ isBad }) => isBad !== (mood === 'bad'));
      await Promise.all(changing.map((each) => each.become(mood)));
    },
    async inSilence(act) {
      await Promise.all(wires.map((wire) => wire.stop('SIGTERM')));
      await getGlobalDispatcher().close();
      setGlobalDispatcher(new Agent());
      const result = await act();
      await Promise.all(wires.map((wire) => wire.start()));
      return result;
    },
    async close() {
      await Promise.all([alice, bob, ...carriers].map((part) => part.stop('SIGKILL')));
      await esp?.device.stop();
      for (const { clock } of [alice, bob]) clock.close();
      disk.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function meet(alice: Side, bob: Side): Promise<void> {
  await alice.peer.post('/send_keys', { to: 'bob' });
  const { status, text } = await bob.peer.post('/send_keys', { to: 'alice' });
  if (status !== 200) throw new Error(text);
}

interface Attached {
  readonly alice: Side;
  readonly bridge: Child;
  readonly line: string;
  readonly folder: string;
  readonly longest_ms: number;
}

async function attach({ alice, bridge, ...where }: Attached, address: string) {
  const missing = await firmwareMissing();
  if (missing !== undefined) {
    console.log(`NOT TRIED HERE: a device. ${missing}`);
    return undefined;
  }
  await make('host');
  const ledger = new Ledger();
  const device = new Device({ ...where, incoming: ledger });
  await device.start();
  await bridge.start();
  const code = await device.code();
  await until('the device is paired', async () => {
    const { json } = await alice.peer.post('/send_keys', { to: 'esp', address, code });
    return (json as { verified?: boolean }).verified === true ? true : undefined;
  });
  await device.paired();
  return { device, bridge, ledger };
}
