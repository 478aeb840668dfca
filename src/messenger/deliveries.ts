/** One delivery and one lane for each contact, made when they are first needed. */
import { Delivery, type DeliveryDeps } from './delivery.ts';
import { Lane } from './lane.ts';
import type { ContactId, Link } from './ports.ts';

interface Way {
  readonly delivery: Delivery;
  readonly lane: Lane;
}

export class Deliveries {
  readonly #deps: DeliveryDeps;
  readonly #link: Link;
  readonly #jitter: () => number;
  readonly #ways = new Map<ContactId, Way>();
  #stopped = false;

  constructor(deps: DeliveryDeps, link: Link, jitter: () => number) {
    this.#deps = deps;
    this.#link = link;
    this.#jitter = jitter;
  }

  of(contact: ContactId): Delivery {
    return this.#way(contact).delivery;
  }

  /** There may be something for the contact. */
  wake(contact: ContactId): void {
    if (!this.#stopped) this.#way(contact).lane.wake();
  }

  /** The contact has just sent something that is its own for certain. */
  heard(contact: ContactId): void {
    if (!this.#stopped) this.#way(contact).lane.heard();
  }

  /** As `wake`, and without waiting out a pause. */
  hurry(contact: ContactId): void {
    if (!this.#stopped) this.#way(contact).lane.hurry();
  }

  /** A handshake packet is to go out. */
  press(contact: ContactId): void {
    if (!this.#stopped) this.#way(contact).lane.press();
  }

  settled(contact: ContactId): Promise<void> {
    return this.#way(contact).lane.settled();
  }

  async forget(contact: ContactId): Promise<void> {
    const way = this.#ways.get(contact);
    this.#ways.delete(contact);
    if (way !== undefined) await stopped(way);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#ways.values()].map(stopped));
  }

  /** After `stop`, once nobody calls any more: what was acknowledged need not go again. */
  settle(): void {
    for (const { delivery } of this.#ways.values()) delivery.settle();
  }

  #way(contact: ContactId): Way {
    const known = this.#ways.get(contact);
    if (known !== undefined) return known;
    const delivery = new Delivery(contact, this.#deps);
    const lane = new Lane(delivery, this.#link, this.#deps.clock, this.#jitter);
    const way = { delivery, lane };
    this.#ways.set(contact, way);
    if (this.#stopped) void stopped(way);
    return way;
  }
}

async function stopped({ delivery, lane }: Way): Promise<void> {
  delivery.stop();
  await lane.stop();
  delivery.dismiss();
}
