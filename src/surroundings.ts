/** The messenger's small ports on this process: its clock, its terminal, its log. */
import { pino } from 'pino';
import { LinkError } from './failures.ts';
import { readLogLine } from './log-line.ts';
import type { Clock, Link, Log, Terminal } from './messenger/index.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic_ms: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  sleep(ms, signal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.resolve();
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener('abort', wake);
    return promise;
  },
};

/** The same link; each exchange is a line of the log, for who looks for a fault. */
export function logged(link: Link, log: Log): Link {
  return {
    async exchange(address, bundle, options) {
      // The link makes the bundle its own.
      const sent = bundle.length;
      const begun_ms = performance.now();
      const facts = () => ({ address, sent, ms: Math.round(performance.now() - begun_ms) });
      try {
        const reply = await link.exchange(address, bundle, options);
        log.debug('exchange', { ...facts(), received: reply.length });
        return reply;
      } catch (cause) {
        const reason = cause instanceof LinkError ? cause.failure : 'unexpected';
        log.debug('exchange_failed', { ...facts(), reason });
        throw cause;
      }
    },
  };
}

/** stdout: what people are meant to read, and nothing that a program would log. */
export function stdoutTerminal(printMessages: boolean): Terminal {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  return { print, printMessage: printMessages ? print : () => undefined };
}

/** What waits for a disk that is full; what does not fit is not logged. */
const LOG_WAITING_SIZE_MAX = 64 * 1024;

function forPrograms() {
  const stderr = pino.destination({ fd: 2, sync: true, maxLength: LOG_WAITING_SIZE_MAX });
  return stderr.on('error', () => undefined);
}

const forPeople = {
  write(line: string): void {
    const { level = '', time = '', words = line } = readLogLine(line) ?? {};
    const local = new Date(time).toTimeString().slice(0, 8);
    process.stderr.write(`${local} ${level.padEnd(5)} ${words}\n`);
  },
};

/** stderr, one JSON object a line; words on a terminal. That it cannot be written is no reason to end. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, process.stderr.isTTY === true ? forPeople : forPrograms());
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  };
}
