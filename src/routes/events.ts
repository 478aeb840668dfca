/**
 * `/events`: tells a page, as server-sent events, that something has changed; never what, so that
 * nothing secret rides here and nothing is lost when one is missed. Changes of a tenth of a second
 * are told once. A page that comes back says by Last-Event-ID what it has heard; if that is too
 * long ago it hears `reset`, and looks at everything anew.
 */
import { PassThrough } from 'node:stream';
import type { Happening, Messenger } from '../messenger/index.ts';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

export interface EventLimits {
  readonly listenersMax: number;
  readonly heartbeat_ms: number;
  readonly gather_ms: number;
  /** How many events a page may have missed. */
  readonly keptMax: number;
}

const LIMITS: EventLimits = {
  listenersMax: 32,
  heartbeat_ms: 15_000,
  gather_ms: 100,
  keptMax: 256,
};
/** How long a page waits before it comes back. */
const RETRY_MS = 1_000;
/** A listener that does not read is let go; it comes back and hears `reset`. */
const UNREAD_SIZE_MAX = 64 * 1024;

const ABOUT: Readonly<Record<Exclude<Happening['kind'], 'hiding'>, string>> = {
  contact: 'contacts',
  arrived: 'messages',
  queue: 'messages',
  opened: 'messages',
  readings: 'readings',
};

export class Events {
  readonly #limits: EventLimits;
  readonly #listeners = new Set<PassThrough>();
  /** The newest events, ready to be sent. */
  readonly #kept: string[] = [];
  readonly #gathered = new Map<string, object>();
  /** Tells this run from an earlier one, whose numbers mean nothing any more. */
  readonly #run = Date.now().toString(36);
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #stopListening: () => void;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(messenger: Messenger, limits: Partial<EventLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#stopListening = messenger.listen((happening) => this.#gather(happening));
    const beat = () => this.#send(': still here\n\n');
    this.#heartbeat = setInterval(beat, this.#limits.heartbeat_ms).unref();
  }

  /** `/events`. */
  readonly route: Route = (ctx) => {
    // On a connection that was open already: nobody would end it.
    if (this.#isClosed) throw new Problem('stopping');
    if (this.#listeners.size >= this.#limits.listenersMax) {
      const detail = 'Too many pages of this peer are open. Close some; this one tries again.';
      throw new Problem('unavailable', { detail, retryAfter_s: 5 });
    }
    const stream = new PassThrough();
    this.#listeners.add(stream);
    stream.on('close', () => this.#listeners.delete(stream)).on('error', () => undefined);
    ctx.req.socket.setNoDelay(true);
    ctx.type = 'text/event-stream';
    ctx.body = stream;
    stream.write(`retry: ${RETRY_MS}\n${this.#missed(ctx.get('last-event-id'))}`);
  };

  /** Ends every stream, so that the server can close. */
  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    for (const stream of this.#listeners) stream.end();
  }

  #missed(lastId: string): string {
    const [run, heard] = lastId.split('-');
    const missing = run === this.#run ? this.#count - Number(heard) : Number.NaN;
    if (missing >= 0 && missing <= this.#kept.length) {
      return `\n${this.#kept.slice(this.#kept.length - missing).join('')}`;
    }
    return `id: ${this.#run}-${this.#count}\nevent: reset\ndata: {}\n\n`;
  }

  #gather({ kind, contact, share }: Happening): void {
    if (kind === 'hiding') {
      // The next one says more: it is kept for nobody.
      this.#send(`event: hiding\ndata: ${JSON.stringify({ share })}\n\n`);
      return;
    }
    const event = { about: ABOUT[kind], ...(contact !== undefined && { contact }) };
    this.#gathered.set(`${event.about} ${contact ?? ''}`, event);
    this.#timer ??= setTimeout(() => this.#tell(), this.#limits.gather_ms);
  }

  #tell(): void {
    this.#timer = undefined;
    const events = [...this.#gathered.values()];
    this.#gathered.clear();
    for (const event of events) {
      this.#count += 1;
      const data = JSON.stringify(event);
      const text = `id: ${this.#run}-${this.#count}\nevent: change\ndata: ${data}\n\n`;
      this.#kept.push(text);
      if (this.#kept.length > this.#limits.keptMax) this.#kept.shift();
      this.#send(text);
    }
  }

  #send(text: string): void {
    for (const stream of this.#listeners) {
      if (stream.writableLength > UNREAD_SIZE_MAX) stream.destroy();
      else stream.write(text);
    }
  }
}
