/** What a scraper may know: counts and sizes; no name, address or key. */
import type { Middleware } from 'koa';
import type { Registry } from 'prom-client';
import type { Messenger, Shown, ShownContact } from '../messenger/index.ts';
import type { Route } from './route.ts';

const BY_CONTACTS: readonly (readonly [string, string, (contact: ShownContact) => number])[] = [
  ['sotto_outbox_messages', 'Messages not yet acknowledged', ({ queued }) => queued.messages],
  ['sotto_outbox_bytes', 'Bytes not yet acknowledged', ({ queued }) => queued.bytes],
  ['sotto_inbox_unopened', 'Messages that nobody has opened yet', ({ unopened }) => unopened],
  [
    'sotto_inbox_arriving',
    'Contents of which parts are missing',
    ({ arriving }) => arriving.length,
  ],
  [
    'sotto_device_line_errors',
    'Noise on their lines, as devices last told: a bad cable',
    ({ device }) => device?.line_errors ?? 0,
  ],
  [
    'sotto_device_tag_failures',
    'Packets that devices could not open, as they last told: a wrong key, or an attack',
    ({ device }) => device?.tag_failures ?? 0,
  ],
  ['sotto_sessions', 'Contacts with a live session', ({ session }) => (session === 'none' ? 0 : 1)],
];

/** Of readings that are forwarded to one place. */
export interface Forwarded {
  readonly waiting: number;
  /** Since the start, as the next. */
  readonly delivered: number;
  readonly failures: number;
}

type Library = typeof import('prom-client');
type Count = readonly [label: string, count: number];

export class Meters {
  readonly #messenger: Messenger;
  readonly #forwards: () => readonly Forwarded[];
  /** Requests to /packets by the status of their answer. */
  readonly #exchanges = new Map<number, number>();
  /** Made, and the library loaded, with the first scrape: most peers are never asked. */
  #registry: Promise<Registry> | undefined;
  /** Looked at once for all that a scrape asks. */
  #shown: Shown | undefined;

  constructor(messenger: Messenger, forwards: () => readonly Forwarded[] = () => []) {
    this.#messenger = messenger;
    this.#forwards = forwards;
  }

  /** `/metrics`. */
  readonly route: Route = async (ctx) => {
    const { type, text } = await this.scrape();
    ctx.type = type;
    ctx.body = text;
  };

  async scrape(): Promise<{ readonly type: string; readonly text: string }> {
    this.#shown = this.#messenger.show();
    this.#registry ??= this.#open().catch((cause) => {
      // Such as that no descriptor is left: the next scrape tries again.
      this.#registry = undefined;
      throw cause;
    });
    const registry = await this.#registry;
    return { type: registry.contentType, text: await registry.metrics() };
  }

  /** Goes around the peer side. */
  readonly exchanges: Middleware = async (ctx, next) => {
    await next();
    if (ctx.path === '/packets') this.exchanged(ctx.status);
  };

  exchanged(status: number): void {
    this.#exchanges.set(status, (this.#exchanges.get(status) ?? 0) + 1);
  }

  async #open(): Promise<Registry> {
    const library = await import('prom-client');
    const registry = new library.Registry();
    const shown = () => this.#shown ?? this.#messenger.show();
    // By default it wakes an idle peer a hundred times a second to see whether the loop is late.
    library.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
    const exchanges = 'Requests to /packets by the status of their answer';
    counter(library, registry, ['sotto_exchanges_total', exchanges, 'status'], () =>
      [...this.#exchanges].map(([status, count]) => [`${status}`, count]),
    );
    const refused = [
      'sotto_refused_packets_total',
      'Packets refused, by reason',
      'reason',
    ] as const;
    counter(library, registry, refused, () => Object.entries(shown().refused));
    countForwarded(library, registry, this.#forwards);
    for (const [name, help, measure] of BY_CONTACTS) {
      new library.Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          const sizes = shown().contacts.map(measure);
          this.set(sizes.reduce((sum, size) => sum + size, 0));
        },
      });
    }
    return registry;
  }
}

/** What is counted elsewhere, told anew at each scrape. */
function counter(
  { Counter }: Library,
  registry: Registry,
  [name, help, label]: readonly [name: string, help: string, label: string],
  counts: () => readonly Count[],
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of counts()) this.inc({ [label]: value }, count);
    },
  });
}

function countForwarded(
  { Counter, Gauge }: Library,
  registry: Registry,
  forwards: () => readonly Forwarded[],
): void {
  const sum = (of: keyof Forwarded) => forwards().reduce((total, each) => total + each[of], 0);
  const registers = [registry];
  new Gauge({
    name: 'sotto_forward_waiting',
    help: 'New readings that are to be forwarded still',
    registers,
    collect() {
      this.set(sum('waiting'));
    },
  });
  const counters = [
    ['sotto_forwarded_total', 'Readings forwarded since the start', 'delivered'],
    [
      'sotto_forward_failures_total',
      'Batches that a place did not take, since the start',
      'failures',
    ],
  ] as const;
  for (const [name, help, of] of counters) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(sum(of));
      },
    });
  }
}
