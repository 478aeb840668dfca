/** What a scraper may know: counts and sizes; no name, address or key. */
import type { Middleware } from 'koa';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
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

export class Meters {
  readonly registry = new Registry();
  readonly #exchanges: Counter<'status'>;
  readonly #messenger: Messenger;
  /** Looked at once for all that a scrape asks. */
  #shown: Shown | undefined;

  constructor(messenger: Messenger, forwards: () => readonly Forwarded[] = () => []) {
    this.#messenger = messenger;
    const shown = () => this.#shown ?? messenger.show();
    const registers = [this.registry];
    // By default it wakes an idle peer a hundred times a second to see whether the loop is late.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 100 });
    this.#exchanges = new Counter({
      name: 'sotto_exchanges_total',
      help: 'Requests to /packets by the status of their answer',
      labelNames: ['status'],
      registers,
    });
    countRefusals(shown, this.registry);
    countForwarded(forwards, this.registry);
    for (const [name, help, measure] of BY_CONTACTS) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const sizes = shown().contacts.map(measure);
          this.set(sizes.reduce((sum, size) => sum + size, 0));
        },
      });
    }
  }

  /** `/metrics`. */
  readonly route: Route = async (ctx) => {
    this.#shown = this.#messenger.show();
    ctx.type = this.registry.contentType;
    ctx.body = await this.registry.metrics();
  };

  /** Goes around the peer side. */
  readonly exchanges: Middleware = async (ctx, next) => {
    await next();
    if (ctx.path === '/packets') this.#exchanges.inc({ status: ctx.status });
  };
}

function countRefusals(shown: () => Shown, registry: Registry): void {
  new Counter({
    name: 'sotto_refused_packets_total',
    help: 'Packets refused, by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(shown().refused)) {
        this.inc({ reason }, count);
      }
    },
  });
}

function countForwarded(forwards: () => readonly Forwarded[], registry: Registry): void {
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
