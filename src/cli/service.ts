/**
 * What a service manager wants to hear of a peer, sd_notify(3): that it is ready, that it still
 * turns, that it stops. Node opens no datagram socket of that kind, so systemd's own small program
 * says it.
 */
import { spawn } from 'node:child_process';
import { serviceManager } from '../config.ts';
import type { Io } from './io.ts';

/** Says that the peer is ready and keeps saying that it turns. Returns how to say that it stops. */
export function reportToManager(status: string, io: Io): () => void {
  const manager = serviceManager();
  if (manager === undefined) return () => {};
  const notify = (...words: readonly string[]) => {
    const child = spawn('systemd-notify', words, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', (cause) => io.say(`The service manager hears nothing: ${cause.message}.`));
    child.unref();
  };
  notify('--ready', `--status=${status}`);
  // A timer of this loop: where the loop hangs, the word stays away, and that is what it is for.
  const { every_ms } = manager;
  const timer = every_ms === undefined ? undefined : setInterval(notify, every_ms, 'WATCHDOG=1');
  timer?.unref();
  return () => {
    clearInterval(timer);
    notify('STOPPING=1');
  };
}
