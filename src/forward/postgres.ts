/**
 * A PostgreSQL database as a place: two tables, docs/SCALE.md. A reading is known by its sensor,
 * its time and a number, so what is delivered twice is there once.
 */
import { Socket } from 'node:net';
import { Client } from 'pg';
import type { ForwardedReading } from '../messenger/index.ts';
import type { Place } from './place.ts';
import { type Address, clientConfig, parseAddress } from './postgres-address.ts';
import { postgresError } from './postgres-errors.ts';
import { guard } from './postgres-guard.ts';
import { INSERT, PREPARE, SCHEMA, SENSORS, TABLES } from './postgres-schema.ts';

/** Sensors whose number is known; then all are asked for anew. */
const SENSORS_MAX = 20_000;
/** Before 4713 BC, which only a clock that is wrong tells, PostgreSQL has no date. */
const TIME_MIN_MS = -210_866_803_200_000;

interface Open {
  readonly client: Client;
  readonly socket: Socket;
  /** Numbers of sensors by `keyOf`. */
  readonly sensors: Map<string, number>;
}

interface SensorRow {
  readonly id: number;
  readonly device_id: string;
  readonly name: string;
  readonly unit: string;
}

export class PostgresPlace implements Place {
  readonly #address: Address;
  readonly #from: string;
  #open: Open | undefined;

  constructor(address: string, from: string) {
    this.#address = parseAddress(address);
    this.#from = from;
  }

  async deliver(readings: readonly ForwardedReading[]): Promise<void> {
    try {
      const open = this.#open ?? (await this.#connect());
      await this.#nameSensors(open, readings);
      await open.client.query(INSERT, columnsOf(open.sensors, readings));
    } catch (cause) {
      // After a failure nobody knows what this connection still expects.
      this.close();
      throw postgresError(cause, this.#address);
    }
  }

  close(): void {
    this.#open?.socket.destroy();
    this.#open = undefined;
  }

  /** The socket is ours, so that it can be closed whatever the library waits for. */
  async #connect(): Promise<Open> {
    const socket = new Socket();
    const client = new Client({ ...clientConfig(this.#address), stream: () => socket });
    guard(client);
    const open = { client, socket, sensors: new Map<string, number>() };
    this.#open = open;
    // Without a listener an idle connection that breaks would end the process.
    client.on('error', () => {
      socket.destroy();
      if (this.#open === open) this.#open = undefined;
    });
    await client.connect();
    await client.query(PREPARE);
    const { rows } = await client.query<{ there: boolean }>(TABLES);
    if (rows[0]?.there !== true) await client.query(SCHEMA);
    return open;
  }

  async #nameSensors(
    { client, sensors }: Open,
    readings: readonly ForwardedReading[],
  ): Promise<void> {
    if (sensors.size > SENSORS_MAX) sensors.clear();
    const missing = new Map<string, ForwardedReading>();
    for (const reading of readings) {
      if (!sensors.has(keyOf(reading))) missing.set(rowKeyOf(reading), reading);
    }
    if (missing.size === 0) return;
    const wanted = [...missing.values()];
    const { rows } = await client.query<SensorRow>(SENSORS, [
      clean(this.#from),
      wanted.map(({ device }) => device.id),
      wanted.map(({ device }) => clean(device.name)),
      wanted.map(({ name }) => clean(name)),
      wanted.map(({ unit }) => clean(unit ?? '')),
    ]);
    const numbers = new Map(rows.map((row) => [rowKey(row), row.id]));
    for (const reading of readings) {
      const number = numbers.get(rowKeyOf(reading));
      if (number !== undefined) sensors.set(keyOf(reading), number);
    }
  }
}

function columnsOf(sensors: Open['sensors'], readings: readonly ForwardedReading[]): unknown[][] {
  return [
    readings.map((reading) => sensors.get(keyOf(reading))),
    readings.map(({ at }) => secondsOf(at)),
    readings.map(({ n }) => n),
    readings.map(({ value }) => value),
    readings.map(({ sure }) => sure),
  ];
}

function secondsOf(at: Date): number {
  return at.getTime() < TIME_MIN_MS ? Number.NEGATIVE_INFINITY : at.getTime() / 1000;
}

/** Of a sensor and of its device's name: a new name has to be told. */
function keyOf({ device, name, unit }: ForwardedReading): string {
  return JSON.stringify([device.id, device.name, name, unit]);
}

function rowKeyOf({ device, name, unit }: ForwardedReading): string {
  return rowKey({ device_id: device.id, name: clean(name), unit: clean(unit ?? '') });
}

function rowKey({ device_id, name, unit }: Omit<SensorRow, 'id'>): string {
  return JSON.stringify([device_id.replaceAll('-', ''), name, unit]);
}

/** PostgreSQL's text holds every character but this one. */
function clean(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
