/**
 * What is told to an MQTT broker, and where, docs/OPERATION.md:
 *
 *     sotto/DEVICE/SENSOR                  {"value": 21.5, "unit": "Cel", "at": "…", "sure": true}
 *     sotto/peer/PEER/status               online | offline
 *     homeassistant/sensor/DEVICE/SENSOR/config     how Home Assistant shows it
 */
import type { ForwardedReading } from '../messenger/index.ts';

export interface Told {
  readonly topic: string;
  readonly text: string;
}

/** SenML's units as Home Assistant writes them, with the class that it knows for them. */
const UNITS: Readonly<Record<string, readonly [unit: string, deviceClass?: string]>> = {
  Cel: ['°C', 'temperature'],
  '%RH': ['%', 'humidity'],
  Pa: ['Pa', 'pressure'],
  V: ['V', 'voltage'],
  lx: ['lx', 'illuminance'],
  'm/s2': ['m/s²'],
};

export const statusTopic = (peer: string) => `sotto/peer/${levelOf(peer)}/status`;

export function stateOf({ device, name, unit, at, sure, value }: ForwardedReading): Told {
  return {
    topic: stateTopic(device.id, name),
    text: JSON.stringify({ value, unit: unit ?? null, at: at.toISOString(), sure }),
  };
}

export function discoveryOf(
  { device, name, unit }: ForwardedReading,
  prefix: string,
  peer: string,
): Told {
  const [shownUnit, deviceClass] = UNITS[unit ?? ''] ?? [unit];
  const config = {
    name,
    unique_id: `sotto_${device.id}_${levelOf(name)}`,
    state_topic: stateTopic(device.id, name),
    value_template: '{{ value_json.value }}',
    json_attributes_topic: stateTopic(device.id, name),
    state_class: 'measurement',
    ...(shownUnit !== undefined && { unit_of_measurement: shownUnit }),
    ...(deviceClass !== undefined && { device_class: deviceClass }),
    availability_topic: statusTopic(peer),
    device: { identifiers: [`sotto_${device.id}`], name: device.name, manufacturer: 'Sotto' },
  };
  const topic = `${prefix}/sensor/${device.id}/${levelOf(name)}/config`;
  return { topic, text: JSON.stringify(config) };
}

function stateTopic(device: string, name: string): string {
  return `sotto/${device}/${levelOf(name)}`;
}

/** One level of a topic, of which a stranger chose the name. No two names become the same. */
function levelOf(name: string): string {
  const escaped = (character: string) => `.${character.codePointAt(0)?.toString(16)}.`;
  return name === '' ? '..' : name.replace(/[^A-Za-z0-9_-]/gu, escaped);
}
