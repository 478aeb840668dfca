/** Where readings are forwarded to. */
import type { ForwardedReading } from '../messenger/index.ts';

export interface Place {
  /**
   * Resolves when the place has all of them for good; with none, when it would take some. May be given again what it has already,
   * after a failure or a kill: then it must not count twice.
   * @throws {ForwardError}, within a deadline of its own, or after `close`
   */
  deliver(readings: readonly ForwardedReading[]): Promise<void>;
  /** At once; what is under way fails. */
  close(): void;
}

/** @param from who forwards, for people to read */
export type OpenPlace = (address: string, from: string) => Promise<Place>;

/** The place did not take them. The message says why and what to do; it holds no secret. */
export class ForwardError extends Error {
  override readonly name = 'ForwardError';
}
