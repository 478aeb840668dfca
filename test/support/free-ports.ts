import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** `count` ports in a row that were free a moment ago. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = Array.from({ length: count }, (_, index) =>
      createServer().listen(first + index),
    );
    const taken = await Promise.all(
      servers.map((server) => Promise.race([once(server, 'listening'), once(server, 'error')])),
    ).then((events) => events.some(([error]) => error instanceof Error));
    const ports = servers.map((server) => (server.address() as AddressInfo | null)?.port);
    for (const server of servers) server.close();
    if (!taken && ports[0] === first) return first;
  }
}
