/**
 * The answer to one request, gathered as it comes. The library's own `request` makes a stream, an
 * abort signal and their listeners for each: for a bundle of some hundred bytes that is more work
 * than all the rest of the exchange.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { concat, isInCrumbs } from '../bytes.ts';

/** What is read of an answer that nobody wants, so that its connection can be used again. */
const UNWANTED_SIZE_MAX = 16_384;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty unless the status is 200. */
  readonly body: Uint8Array;
}

/** Gathering it would take more memory than the answer. */
class CrumbsError extends Error {
  override readonly name = 'CrumbsError';
}

export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #chunks: Uint8Array[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #reason: Error | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #size = 0;
  #unwanted = 0;

  /** @throws whatever ended it: a reason given to `abort`, or an error of the library. */
  get answer(): Promise<Answer> {
    return this.#answer.promise;
  }

  /** Closes the connection. Afterwards nothing changes the answer. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#answer.reject(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#status === 200) {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      if (isInCrumbs(this.#chunks.length, this.#size)) this.abort(new CrumbsError());
      return;
    }
    this.#unwanted += chunk.length;
    if (this.#unwanted <= UNWANTED_SIZE_MAX) return;
    this.#resolve();
    controller.abort(new Error('a refusal that does not end'));
  }

  onResponseEnd(): void {
    this.#resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#answer.reject(error);
  }

  #resolve(): void {
    const body = joined(this.#chunks);
    this.#answer.resolve({ status: this.#status, headers: this.#headers, body });
  }
}

/** Never Node's subclass, whose `slice` shares memory where it should copy. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (chunks.length !== 1 || first === undefined) return concat(...chunks);
  return new Uint8Array(first.buffer, first.byteOffset, first.length);
}
