/** To have a port: listening on it, whether it is free, and in words why it cannot be had. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { reasonOf, systemCode } from './reasons.ts';

export interface Place {
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

/** Returns the port. @throws what the system refuses, see `notListening` */
export async function listen(server: Server, { host, port }: Place): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Leaves it free. @throws as `listen` */
export async function tryToListen(place: Place): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await listen(server, place);
  server.close();
  await once(server, 'close');
}

/** What else to choose; else another port. */
const CHOICES: Readonly<Record<string, string>> = {
  EACCES: 'choose one above 1023 with --port',
  EADDRNOTAVAIL: 'choose another with --host',
  ENOTFOUND: 'choose another with --host',
};

/** A whole sentence. */
export function notListening({ host, port }: Place, cause: unknown): string {
  const choice = CHOICES[systemCode(cause) ?? ''] ?? 'choose another with --port';
  return `Port ${port} of ${host}: ${reasonOf(cause)}; ${choice}.`;
}
