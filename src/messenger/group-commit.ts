/**
 * One durable commit for all who ask in the same turn of the event loop. A commit waits for the
 * disk; sixteen callers who share it wait once.
 */

interface Job {
  readonly work: () => void;
  readonly done: () => void;
  readonly failed: (cause: unknown) => void;
}

export class GroupCommit {
  readonly #transaction: (work: () => void) => void;
  #jobs: Job[] = [];

  constructor(transaction: (work: () => void) => void) {
    this.#transaction = transaction;
  }

  /**
   * Resolves with what `work` returned, once that is durable. `work` may run twice: when one of
   * a group throws, all of it is rolled back, and each runs again alone, so that nobody fails
   * for another's fault.
   */
  commit<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      const job: Job = {
        work: () => {
          result = work();
        },
        done: () => resolve(result),
        failed: reject,
      };
      if (this.#jobs.push(job) === 1) setImmediate(() => this.flush());
    });
  }

  /** Does now what is gathered: for who must not come before it. */
  flush(): void {
    const jobs = this.#jobs;
    if (jobs.length === 0) return;
    this.#jobs = [];
    const cause = this.#run(jobs);
    if (cause === undefined) return;
    if (jobs.length === 1) jobs[0]?.failed(cause.error);
    else for (const job of jobs) this.#alone(job);
  }

  #alone(job: Job): void {
    const cause = this.#run([job]);
    if (cause !== undefined) job.failed(cause.error);
  }

  /** Returns what went wrong, or nothing. */
  #run(jobs: readonly Job[]): { readonly error: unknown } | undefined {
    try {
      this.#transaction(() => {
        for (const { work } of jobs) work();
      });
    } catch (error) {
      return { error };
    }
    for (const { done } of jobs) done();
    return undefined;
  }
}
