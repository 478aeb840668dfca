/**
 * `/metrics` of a bridge: what its line does, and what the device says of itself. Noise is a bad
 * cable; packets refused as unauthenticated are a wrong key, or somebody on the line.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import { z } from 'zod';
import type { SerialLink } from '../link/index.ts';

/** A scrape does not wait longer for the device; its own counters are left out then. */
const DEVICE_MS = 2_000;

const Count = z.int().nonnegative();
/** The part of the device's `show` that is counted. */
const DeviceShown = z.object({
  queued: Count,
  dropped: Count,
  refused: z.record(z.string(), Count),
  line: z.object({ crc: Count, cobs: Count, size: Count, foreign: Count }),
});

export type DeviceShown = z.output<typeof DeviceShown>;

export class LineMeters {
  readonly #registry = new Registry();
  readonly #serial: SerialLink;
  readonly #line: string;
  readonly #events: Counter<'line' | 'event'>;
  readonly #noise: Counter<'line' | 'side' | 'kind'>;
  readonly #refused: Counter<'line' | 'reason'>;
  readonly #up: Gauge<'line'>;
  readonly #queued: Gauge<'line'>;

  /** @param line  How the line is called in labels. */
  constructor(serial: SerialLink, line: string) {
    this.#serial = serial;
    this.#line = line;
    const registers = [this.#registry];
    const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string) =>
      new Gauge({ name, help, labelNames: ['line'], registers });
    this.#up = gauge('sotto_line_up', 'Whether a device is at the other end');
    this.#queued = gauge('sotto_device_queued', 'Messages that wait at the device');
    this.#events = counter('sotto_line_events_total', 'What happened on the line', [
      'line',
      'event',
    ]);
    this.#noise = counter(
      'sotto_line_noise_total',
      'What was no frame: the fault of the line, not of keys',
      ['line', 'side', 'kind'],
    );
    this.#refused = counter(
      'sotto_device_refused_packets_total',
      'Packets that the device refused; unauthenticated: a wrong key, or an attack',
      ['line', 'reason'],
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    // First: from here on nobody else's turn, who would count into the same meters.
    const device = await this.#askDevice();
    const { noise, ...events } = this.#serial.counters;
    const line = this.#line;
    this.#registry.resetMetrics();
    this.#up.set({ line }, this.#serial.isUp ? 1 : 0);
    for (const [event, count] of Object.entries(events)) this.#events.inc({ line, event }, count);
    this.#countNoise('bridge', noise);
    if (device !== undefined) {
      this.#countNoise('device', device.line);
      for (const [reason, count] of Object.entries(device.refused)) {
        this.#refused.inc({ line, reason }, count);
      }
      this.#queued.set({ line }, device.queued);
    }
    return await this.#registry.metrics();
  }

  #countNoise(side: 'bridge' | 'device', noise: Readonly<Record<string, number>>): void {
    for (const [kind, count] of Object.entries(noise)) {
      this.#noise.inc({ line: this.#line, side, kind }, count);
    }
  }

  async #askDevice(): Promise<DeviceShown | undefined> {
    const json = await this.#serial.verb('show', DEVICE_MS).catch(() => '{}');
    try {
      return DeviceShown.parse(JSON.parse(json));
    } catch {
      return undefined;
    }
  }
}
