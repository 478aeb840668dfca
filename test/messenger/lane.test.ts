/**
 * Goal: one exchange at a time, no lost wake-up, a growing pause while nobody answers, and a
 * person's wish cuts the pause short.
 * Method: a lane on a link and a clock that the test moves by hand.
 */
import t from 'tap';
import { LinkError, StoreError } from '../../src/failures.ts';
import { Lane, type LaneOwner, type Outgoing } from '../../src/messenger/lane.ts';
import type { Clock, Link } from '../../src/messenger/ports.ts';

const NOTHING = new Uint8Array(0);

/** A clock whose sleepers wake when told, or when aborted. */
class HandClock implements Clock {
  readonly pauses: number[] = [];
  #wake: (() => void)[] = [];

  now = () => new Date(0);
  monotonic_ms = () => 0;

  after(): () => void {
    throw new Error('a lane waits by sleeping');
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.pauses.push(ms);
    return new Promise((resolve) => {
      this.#wake.push(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  }

  wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function one(number: number, isFull: boolean): Outgoing {
  const packets = [Uint8Array.of(number)];
  const nothing = { confirms: undefined, sequences: [], letters: [] };
  return { packets, expectsProgress: true, ...nothing, isFull };
}

/** Sends numbers, one packet each. */
class Numbers implements LaneOwner {
  readonly queue: number[] = [];
  readonly failures: string[] = [];
  address = () => 'http://127.0.0.1:1';

  next(): Outgoing | undefined {
    const [first] = this.queue;
    return first === undefined ? undefined : one(first, false);
  }

  beside(): Outgoing | undefined {
    throw new Error('nothing goes beside a bundle that is not full');
  }

  reply(): boolean {
    this.queue.shift();
    return true;
  }

  failed(error: LinkError | StoreError): void {
    this.failures.push(error.failure);
  }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

t.test('everything queued goes out in order, one exchange at a time', async (t) => {
  const owner = new Numbers();
  const sent: number[] = [];
  let open = 0;
  const link: Link = {
    async exchange(_address, bundle) {
      open += 1;
      t.equal(open, 1, 'no second exchange meanwhile');
      await turns(1);
      sent.push(bundle[2] ?? -1);
      open -= 1;
      return NOTHING;
    },
  };
  const lane = new Lane(owner, link, new HandClock(), () => 0.5);
  owner.queue.push(1, 2);
  lane.wake();
  await turns(2);
  owner.queue.push(3);
  lane.wake();
  await lane.settled();
  t.strictSame(sent, [1, 2, 3]);
});

t.test('beside a full bundle goes one other, until one of them fails', async (t) => {
  const waiting = [1, 2, 3, 4, 5, 6];
  const began: string[] = [];
  const take = () => {
    const number = waiting.shift();
    return number === undefined ? undefined : one(number, true);
  };
  const owner: LaneOwner = {
    address: () => 'http://127.0.0.1:1',
    next: take,
    beside: take,
    reply: () => true,
    failed: (_error, outgoing) => waiting.unshift(outgoing?.packets[0]?.[0] ?? 0),
  };
  const ends = new Map<number, (answer: Uint8Array | LinkError) => void>();
  const link: Link = {
    exchange(_address, bundle) {
      const number = bundle[2] ?? -1;
      began.push(`${number} beside ${[...ends.keys()].join()}`);
      return new Promise((resolve, reject) => {
        ends.set(number, (answer) => {
          ends.delete(number);
          if (answer instanceof LinkError) reject(answer);
          else resolve(answer);
        });
      });
    },
  };
  const end = async (number: number, answer: Uint8Array | LinkError = NOTHING) => {
    ends.get(number)?.(answer);
    await turns(2);
  };
  const clock = new HandClock();
  const lane = new Lane(owner, link, clock, () => 0.5);
  lane.wake();
  await turns(2);
  t.strictSame(began.splice(0), ['1 beside ', '2 beside 1']);
  await end(2);
  t.strictSame(began.splice(0), ['3 beside 1'], 'whichever ends first makes room');
  await end(1, new LinkError('unreachable', 'lost'));
  t.strictSame(began.splice(0), [], 'after a failure none is begun');
  t.strictSame(clock.pauses, [], 'and the other is waited for');
  await end(3);
  t.equal(clock.pauses.length, 1);
  clock.wakeAll();
  await turns(2);
  t.strictSame(began.splice(0), ['1 beside ', '4 beside 1']);
  const stopped = lane.stop();
  await end(1);
  t.strictSame(began, [], 'a lane that is to stop begins none');
  await end(4);
  await stopped;
});

t.test('a wake-up in the very turn in which the lane falls asleep is not lost', async (t) => {
  const owner = new Numbers();
  let sent = 0;
  const link: Link = {
    async exchange() {
      sent += 1;
      return NOTHING;
    },
  };
  const lane = new Lane(owner, link, new HandClock(), () => 0.5);
  for (let round = 1; round <= 50; round += 1) {
    owner.queue.push(round);
    lane.wake();
    for (let turn = 0; turn < round % 13; turn += 1) await Promise.resolve();
    owner.queue.push(round);
    lane.wake();
    await turns(2);
    t.equal(sent, 2 * round);
  }
});

t.test('the pause doubles while nobody answers, and hurry cuts it short', async (t) => {
  const owner = new Numbers();
  const clock = new HandClock();
  let up = false;
  const link: Link = {
    async exchange() {
      if (up) return NOTHING;
      throw new LinkError('unreachable', 'nobody there');
    },
  };
  const lane = new Lane(owner, link, clock, () => 0.5);
  owner.queue.push(1);
  lane.wake();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    await turns(2);
    clock.wakeAll();
  }
  await turns(2);
  t.strictSame(clock.pauses, [250, 500, 1000, 2000, 4000]);
  t.strictSame(new Set(owner.failures), new Set(['unreachable']));
  up = true;
  lane.hurry();
  await lane.settled();
  t.strictSame(owner.queue, []);
});

t.test('who asks for patience gets it, once, unless a person is in a hurry', async (t) => {
  const owner = new Numbers();
  const clock = new HandClock();
  const answers = [7_000, undefined, 9_000].map((retryAfter_ms) => {
    const options = retryAfter_ms === undefined ? {} : { retryAfter_ms };
    return new LinkError('busy', 'later', options);
  });
  const link: Link = {
    async exchange() {
      const error = answers.shift();
      if (error !== undefined) throw error;
      return NOTHING;
    },
  };
  const lane = new Lane(owner, link, clock, () => 0.5);
  owner.queue.push(1);
  lane.wake();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await turns(2);
    clock.wakeAll();
  }
  await turns(2);
  t.strictSame(clock.pauses, [7_000, 500, 9_000]);
  lane.hurry();
  await lane.settled();
  t.strictSame(owner.queue, []);
});

t.test('stop waits for the exchange under way and starts no other', async (t) => {
  const owner = new Numbers();
  let finished = 0;
  const link: Link = {
    async exchange() {
      await turns(3);
      finished += 1;
      return NOTHING;
    },
  };
  const lane = new Lane(owner, link, new HandClock(), () => 0.5);
  owner.queue.push(1, 2);
  lane.wake();
  await turns(1);
  await lane.stop();
  t.equal(finished, 1);
  t.strictSame(owner.queue, [2]);
});

t.test('what cannot be read from the store waits, and ends nothing', async (t) => {
  const owner = new Numbers();
  const clock = new HandClock();
  const lane = new Lane(owner, { exchange: async () => NOTHING }, clock, () => 0.5);
  const damaged = () => {
    throw new StoreError('damaged', 'a page does not authenticate');
  };
  const [next, reply] = [owner.next.bind(owner), owner.reply.bind(owner)];
  owner.queue.push(1);
  owner.next = damaged;
  lane.wake();
  await turns(2);
  t.strictSame(clock.pauses, [250], 'it is tried again after a pause');
  [owner.next, owner.reply] = [next, damaged];
  clock.wakeAll();
  await turns(2);
  t.strictSame(clock.pauses, [250, 500], 'and so is a reply that cannot be taken in');
  owner.reply = reply;
  clock.wakeAll();
  await turns(2);
  t.strictSame([owner.queue, owner.failures], [[], ['damaged', 'damaged']]);
  const other = new Numbers();
  other.next = () => {
    throw new TypeError('a mistake of ours');
  };
  const wrong = new Lane(other, { exchange: async () => NOTHING }, clock, () => 0.5);
  wrong.wake();
  await t.rejects(wrong.settled(), { message: 'a mistake of ours' }, 'which surfaces');
});

t.test('stop waits for no pause, when the exchange under way fails', async (t) => {
  const owner = new Numbers();
  const clock = new HandClock();
  const under = Promise.withResolvers<Uint8Array>();
  const lane = new Lane(owner, { exchange: () => under.promise }, clock, () => 0.5);
  owner.queue.push(1);
  lane.wake();
  await turns(1);
  const stopped = lane.stop();
  under.reject(new LinkError('busy', 'come again in an hour', { retryAfter_ms: 3_600_000 }));
  await stopped;
  t.strictSame(owner.failures, ['busy']);
  t.strictSame(clock.pauses, []);
});

t.test(
  'a handshake goes out without a pause once, and does not keep the pause from growing',
  async (t) => {
    const owner = new Numbers();
    const clock = new HandClock();
    let sent = 0;
    let lane: Lane | undefined;
    const link: Link = {
      async exchange() {
        sent += 1;
        lane?.press();
        return NOTHING;
      },
    };
    owner.reply = () => false;
    owner.queue.push(1);
    lane = new Lane(owner, link, clock, () => 0.5);
    lane.wake();
    await turns(3);
    t.equal(sent, 2, 'one exchange more at once');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      clock.wakeAll();
      await turns(3);
    }
    t.strictSame(clock.pauses, [500, 1000, 2000, 4000]);
  },
);
