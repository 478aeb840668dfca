/** The firmware as a process on a pty, with ledgers of the texts and readings that it took. */
import { readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { HostDevice } from '../test/hardware/host-device.ts';
import { Ledger } from '../test/support/ledger.ts';
import type { Holding } from './holding.ts';
import type { Part } from './part.ts';

/** Shorter than a second, so that its times are exact. */
const EVERY_MS = 900;
/** That wait at a device, and a few less: the texts that it sends wait there too. */
const WAITING_MAX = 384 - 24;
/** A reading counts from the moment its block of eight is stored. */
const BLOCK = 8;

export interface DeviceOptions {
  readonly folder: string;
  /** Where the line is found, whatever the pty is called at present. */
  readonly line: string;
  /** How long it may be cut off without having to drop a reading. */
  readonly longest_ms: number;
  /** Of who sends it texts. */
  readonly incoming: Ledger;
}

export class Device implements Part {
  readonly name = 'esp';
  /** Of what it sends. */
  readonly ledger = new Ledger();
  /** Every text that it has shown. */
  readonly opened: string[] = [];
  readonly #options: DeviceOptions;
  readonly #lives: HostDevice[] = [];
  /** What was taken before there was anybody to tell. */
  #untold = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #shown: string[] = [];
  #mayOpen = true;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#running.pid;
  }

  async start(): Promise<void> {
    const { folder, line, longest_ms } = this.#options;
    const every_ms = Math.max(EVERY_MS, Math.ceil(longest_ms / WAITING_MAX));
    const own = ['--pty', '--data', folder, '--name', this.name, '--clock', '--tell'];
    const device = new HostDevice(...own, '--every', `${every_ms}`);
    device.onLine = (text) => void this.#shown.push(text);
    const [, path = ''] = await device.until(/^serial: (.*)$/);
    symlinkSync(path, `${line}.new`);
    renameSync(`${line}.new`, line);
    this.#lives.push(device);
  }

  async stop(): Promise<void> {
    await this.#running.kill();
  }

  /** Its person makes a code. */
  async code(): Promise<string> {
    this.#running.type('pair');
    const [, code = ''] = await this.#running.until(/^pairing code: (\S+) /);
    return code;
  }

  async paired(): Promise<void> {
    await this.#running.until(/^paired with alice, verified/);
    this.#untold = this.#running.taken_ms.length;
  }

  setClock(at_ms: number): void {
    this.#running.type(`clock ${Math.round(at_ms)}`);
  }

  /** One text at its console; into the ledger before and after. */
  send(text: string): Promise<void> {
    return this.#inTurn(async (device) => {
      this.ledger.posted(text);
      device.type(`send_msg ${text}`);
      const [, said] = await device.until(/^send_msg: (.*)$/);
      if (said === 'done') this.ledger.accepted(text);
      else this.ledger.refused(text);
    });
  }

  /** Where nothing can be stored nothing can be forgotten either: it would be shown again. */
  stopOpening(): void {
    this.#mayOpen = false;
  }

  goOnOpening(): void {
    this.#mayOpen = true;
  }

  /** Resolves when what was typed until now is done. */
  idle(): Promise<unknown> {
    return this.#turn;
  }

  /** Opens what has arrived. Shown and forgotten is one step to a person, two to a power cut. */
  open(): Promise<void> {
    return this.#inTurn(async (device) => {
      if (!this.#mayOpen) return;
      this.#shown = [];
      const { incoming } = this.#options;
      const texts = () => this.#shown.filter((line) => /^alice \w+ /.test(line));
      device.type('decrypt_msg');
      try {
        await device.until(/^\d+ opened$/);
      } catch (cause) {
        for (const text of texts()) incoming.mayRepeat(text);
        throw cause;
      } finally {
        this.opened.push(...texts());
      }
    });
  }

  /** What it had no room for in this life, as it says itself: then readings are lost, and it is known. */
  async dropped(): Promise<number> {
    let dropped = Number.NaN;
    await this.#inTurn(async (device) => {
      device.type('show');
      const [, count] = await device.until(/"dropped":(\d+)/);
      dropped = Number(count);
    });
    return dropped;
  }

  /** When each reading was taken that must arrive, and that may. */
  taken(): { readonly sure: readonly number[]; readonly all: readonly number[] } {
    const lives = this.#lives.map(({ taken_ms }, life) => taken_ms.slice(life ? 0 : this.#untold));
    const last = lives.length - 1;
    // The last one still runs: all that it took is on its way.
    const sure = lives.flatMap((life, at) => (at === last ? life : life.slice(0, -BLOCK)));
    return { sure, all: this.#lives.flatMap(({ taken_ms }) => taken_ms) };
  }

  get lives(): number {
    return this.#lives.length;
  }

  /** It has no garbage: what the kernel counts. */
  holding(): Holding {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const heap = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    return { heap, descriptors: readdirSync(`/proc/${this.pid}/fd`).length };
  }

  get #running(): HostDevice {
    const device = this.#lives.at(-1);
    if (device === undefined) throw new Error('the device was never started');
    return device;
  }

  /** One command at a time, as at any console. One that a power cut ends is nobody's mistake. */
  #inTurn(act: (device: HostDevice) => Promise<void>): Promise<void> {
    const mine = this.#turn.then(() => act(this.#running)).catch(() => undefined);
    this.#turn = mine;
    return mine;
  }
}
