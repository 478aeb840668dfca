/**
 * Ports for who has to know one before anybody listens there, or has to have it again after a
 * restart. They lie below those that a system gives out by itself (from 32,768 on in Linux): of
 * these another process may be given the same one, while it is free for a moment.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 20_000;
/** Each of the test files that run at a time has a part of its own. */
const [PARTS, PART_SIZE] = [4, 3_000];

const part = FIRST + (Number(process.env['TAP_JOB_ID'] ?? 0) % PARTS) * PART_SIZE;
/** The place in the part from which on nothing was given out; where it begins, chance decides. */
let next = Math.floor(Math.random() * PART_SIZE);

/** The first of `count` ports in a row that nobody listens at; none is given out twice. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    if (next + count > PART_SIZE) next = 0;
    const first = part + next;
    next += count;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

export function freePort(): Promise<number> {
  return freePorts(1);
}

/** At any address of this machine. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server.listen(port), 'listening');
  const free = await listening.then(
    () => true,
    () => false,
  );
  if (free) await once(server.close(), 'close');
  return free;
}
