/** `mqtt://USER@HOST:PORT` or `mqtts://…`, as options.ts lets it through: without a password. */
import { readFileSync } from 'node:fs';
import type { IClientOptions } from 'mqtt';

const CONNECT_MS = 10_000;
const KEEP_ALIVE_S = 30;
/** Where Home Assistant looks unless it is told otherwise. */
const DISCOVERY = 'homeassistant';

export interface MqttAddress {
  /** Without user and settings. */
  readonly broker: string;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
  readonly rootCertificate: string | undefined;
  /** The first part of discovery topics; undefined: none are wanted. */
  readonly discovery: string | undefined;
}

export function parseMqttAddress(address: string): MqttAddress {
  const { protocol, host, username, searchParams } = new URL(address);
  const discovery = searchParams.get('discovery') ?? DISCOVERY;
  return {
    broker: `${protocol}//${host}`,
    user: username === '' ? undefined : decodeURIComponent(username),
    passwordFile: searchParams.get('passwordfile') ?? undefined,
    rootCertificate: searchParams.get('ca') ?? undefined,
    discovery: discovery === '' ? undefined : discovery,
  };
}

/** Read anew for each connection: files may be replaced. @throws what the file system says */
export function mqttOptions(address: MqttAddress): IClientOptions {
  const { user, passwordFile, rootCertificate } = address;
  const [password] = passwordFile === undefined ? [] : firstLineOf(passwordFile);
  return {
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(rootCertificate !== undefined && { ca: readFileSync(rootCertificate) }),
    rejectUnauthorized: true,
    connectTimeout: CONNECT_MS,
    keepalive: KEEP_ALIVE_S,
    // Our queue is on the disk, and tries again by itself.
    reconnectPeriod: 0,
    queueQoSZero: false,
    clean: true,
  };
}

function firstLineOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split(/\r?\n/, 1);
}
