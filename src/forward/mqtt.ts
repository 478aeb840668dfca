/**
 * An MQTT broker as a place: what is now, not what was. Of a batch the newest reading of each sensor
 * is told, if it is of the last day and newer than what was told; each is retained, so that who
 * comes later knows it too. Readings wait while the broker is away, and are acknowledged (QoS 1).
 */
import { connect, type MqttClient } from 'mqtt';
import type { ForwardedReading } from '../messenger/index.ts';
import { type MqttAddress, mqttOptions, parseMqttAddress } from './mqtt-address.ts';
import { mqttError } from './mqtt-errors.ts';
import { discoveryOf, stateOf, statusTopic, type Told } from './mqtt-messages.ts';
import type { Place } from './place.ts';

const DELIVER_MS = 30_000;
const PAST_MAX_MS = 86_400_000;
/** Sensors of which is known what was told; then all are told anew. */
const SENSORS_MAX = 20_000;

interface Connection {
  readonly client: MqttClient;
  /** Rejects when the broker is gone: the library leaves who waits for it waiting. */
  readonly lost: Promise<never>;
  readonly lose: (cause: Error) => void;
  /** Sensors that Home Assistant was told of over this connection. */
  readonly described: Set<string>;
}

export class MqttPlace implements Place {
  readonly #address: MqttAddress;
  readonly #from: string;
  /** By sensor, when its newest that was told was measured. */
  readonly #told = new Map<string, number>();
  #connection: Connection | undefined;

  constructor(address: string, from: string) {
    this.#address = parseMqttAddress(address);
    this.#from = from;
  }

  async deliver(readings: readonly ForwardedReading[]): Promise<void> {
    const newest = this.#newest(readings);
    if (newest.size === 0) return;
    try {
      const connection = this.#connection ?? (await this.#connect());
      const telling = [...newest].map((each) => this.#tell(connection, ...each));
      await Promise.all(telling);
    } catch (cause) {
      this.close();
      throw mqttError(cause, this.#address);
    }
  }

  close(): void {
    // Without a word of parting, so that the broker says `offline` for us.
    this.#connection?.client.end(true);
    this.#connection?.lose(new Error('closed'));
    this.#connection = undefined;
  }

  #newest(readings: readonly ForwardedReading[]): Map<string, ForwardedReading> {
    const newest = new Map<string, ForwardedReading>();
    const oldest_ms = Date.now() - PAST_MAX_MS;
    for (const reading of readings) {
      const sensor = JSON.stringify([reading.device.id, reading.name]);
      const at_ms = reading.at.getTime();
      const known_ms = newest.get(sensor)?.at.getTime() ?? this.#told.get(sensor) ?? oldest_ms;
      // Many a clock counts seconds: of the same second the one that came later.
      if (at_ms >= known_ms) newest.set(sensor, reading);
    }
    return newest;
  }

  async #tell(connection: Connection, sensor: string, reading: ForwardedReading): Promise<void> {
    const { discovery } = this.#address;
    if (discovery !== undefined && !connection.described.has(sensor)) {
      if (connection.described.size >= SENSORS_MAX) connection.described.clear();
      await publish(connection, discoveryOf(reading, discovery, this.#from));
      connection.described.add(sensor);
    }
    await publish(connection, stateOf(reading));
    if (this.#told.size >= SENSORS_MAX) this.#told.clear();
    this.#told.set(sensor, reading.at.getTime());
  }

  async #connect(): Promise<Connection> {
    const topic = statusTopic(this.#from);
    const will = { topic, payload: Buffer.from('offline'), qos: 1, retain: true } as const;
    const options = { ...mqttOptions(this.#address), will };
    const client = connect(this.#address.broker, options);
    const { promise: lost, reject: lose } = Promise.withResolvers<never>();
    lost.catch(() => undefined);
    const connection = { client, lost, lose, described: new Set<string>() };
    // Already now, so that it can be closed while it is called.
    this.#connection = connection;
    const gone = (cause?: Error) => {
      lose(cause ?? new Error('the connection closed'));
      if (this.#connection === connection) this.#connection = undefined;
    };
    client.on('error', gone).on('close', () => gone());
    await Promise.race([new Promise((resolve) => client.once('connect', resolve)), lost]);
    await publish(connection, { topic, text: 'online' });
    return connection;
  }
}

async function publish({ client, lost }: Connection, { topic, text }: Told): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), DELIVER_MS);
  const published = client.publishAsync(topic, text, { qos: 1, retain: true });
  published.catch(() => undefined);
  try {
    await Promise.race([published, lost, late]);
  } finally {
    clearTimeout(timer);
  }
}
