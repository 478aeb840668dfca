/**
 * HandshakeState, Noise §5.3, for every pattern of pattern.ts.
 *
 * Pure: bytes in, bytes out. A message is judged on a copy of the state, and the copy replaces
 * the state only when all of it was good. So a refused message leaves no trace, and a forger
 * cannot end a handshake. There is no way to copy a handshake from outside: writing one message
 * twice with two payloads would use one key and nonce twice.
 */
import { type Bytes, concat, LengthError, type Role, take } from '../bytes.ts';
import {
  AuthenticationError,
  type CryptoProvider,
  type Hash,
  KEY_SIZE,
  type KeyPair,
  type PublicKey,
  type RandomBytes,
  type SharedSecret,
  TAG_SIZE,
} from '../crypto/index.ts';
import type { CipherState } from './cipher-state.ts';
import { LocalProtocolError, RemoteProtocolError } from './errors.ts';
import {
  type DhToken,
  hasPsk,
  type Pattern,
  protocolName,
  type Side,
  type Token,
} from './pattern.ts';
import { assertCanonical } from './public-key.ts';
import { SymmetricState } from './symmetric-state.ts';

/** Longest Noise message, §3. */
export const NOISE_MESSAGE_SIZE_MAX = 65_535;

const NOTHING = new Uint8Array(0);

export type PresharedKey = Bytes<32> & Role<'PresharedKey'>;

export interface HandshakeConfig {
  readonly crypto: CryptoProvider;
  readonly pattern: Pattern;
  readonly side: Side;
  /** Bytes both sides must already agree on, §6. */
  readonly prologue: Uint8Array;
  readonly randomBytes: RandomBytes;
  /** Ours; needed if the pattern has an `s` for this side. The caller keeps and wipes it. */
  readonly staticKeys?: KeyPair | undefined;
  /** Theirs; needed if the pattern knows it beforehand. */
  readonly remoteStatic?: PublicKey | undefined;
  /** Needed if the pattern has a `psk`. */
  readonly psk?: PresharedKey | undefined;
}

/** What a finished handshake leaves behind. */
export interface Established {
  readonly handshakeHash: Hash;
  /** Unused by the responder of a one-way pattern, §7.4. */
  readonly sending: CipherState;
  /** Unused by the initiator of a one-way pattern. */
  readonly receiving: CipherState;
}

/** What was learned from the other side so far. */
export interface Learned {
  readonly remoteEphemeral: PublicKey | undefined;
  readonly remoteStatic: PublicKey | undefined;
}

/** Looks at an authentic message before it takes effect; throws to refuse it without a trace. */
export type Judge = (payload: Uint8Array, learned: Learned) => void;

/** All that messages change. */
interface Progress extends Learned {
  readonly symmetric: SymmetricState;
  step: number;
  remoteEphemeral: PublicKey | undefined;
  remoteStatic: PublicKey | undefined;
}

export class HandshakeState {
  readonly #config: HandshakeConfig;
  readonly #hasPsk: boolean;
  #ephemeralKeys: KeyPair | undefined;
  #progress: Progress;
  #finished = false;

  constructor(config: HandshakeConfig) {
    this.#config = config;
    this.#hasPsk = hasPsk(config.pattern);
    const symmetric = SymmetricState.initialize(config.crypto, protocolName(config.pattern));
    symmetric.mixHash(config.prologue);
    const { remoteStatic } = config;
    for (const side of config.pattern.known) {
      const ours = side === config.side;
      symmetric.mixHash(ours ? needed(config.staticKeys).publicKey : needed(remoteStatic));
    }
    this.#progress = { symmetric, step: 0, remoteEphemeral: undefined, remoteStatic };
  }

  /** Whose turn the next message is; `undefined` after the last. */
  turn(): 'write' | 'read' | undefined {
    const { pattern, side } = this.#config;
    const { step } = this.#progress;
    if (step === pattern.messages.length) return undefined;
    const writer: Side = step % 2 === 0 ? 'initiator' : 'responder';
    return writer === side ? 'write' : 'read';
  }

  /** Our ephemeral public key: one a handshake, made when it is first asked for. */
  get ephemeral(): PublicKey {
    return this.#ephemeral().publicKey;
  }

  get learned(): Learned {
    const { remoteEphemeral, remoteStatic } = this.#progress;
    return { remoteEphemeral, remoteStatic };
  }

  /** @throws {RemoteProtocolError} `unauthenticated` if a key we were sent is of low order. */
  writeMessage(payload: Uint8Array): Uint8Array {
    const [attempt, tokens] = this.#begin('write');
    try {
      const parts = tokens.map((token) => this.#writeToken(attempt, token));
      const message = concat(...parts, attempt.symmetric.encryptAndHash(payload));
      if (message.length > NOISE_MESSAGE_SIZE_MAX) {
        throw new LocalProtocolError(`message is too long: ${message.length} bytes`);
      }
      this.#commit(attempt);
      return message;
    } catch (cause) {
      attempt.symmetric.wipe();
      throw refusal(cause);
    }
  }

  /**
   * Returns the payload. A refused message leaves the state as it was.
   * @throws {RemoteProtocolError} `malformed` or `unauthenticated`, or what `judge` throws.
   */
  readMessage(message: Uint8Array, judge?: Judge): Uint8Array {
    const [attempt, tokens] = this.#begin('read');
    try {
      if (message.length > NOISE_MESSAGE_SIZE_MAX) throw new RemoteProtocolError('malformed');
      let rest = message;
      for (const token of tokens) rest = this.#readToken(attempt, token, rest);
      const payload = attempt.symmetric.decryptAndHash(rest);
      const { remoteEphemeral, remoteStatic } = attempt;
      judge?.(payload, { remoteEphemeral, remoteStatic });
      this.#commit(attempt);
      return payload;
    } catch (cause) {
      attempt.symmetric.wipe();
      // Only in what was read is a wrong length the remote's fault.
      throw cause instanceof LengthError
        ? new RemoteProtocolError('malformed', { cause })
        : refusal(cause);
    }
  }

  /** Consumes the handshake: its secrets are wiped, only the session's keys are left. */
  finish(): Established {
    if (this.#finished) throw new LocalProtocolError('handshake was finished before');
    if (this.turn() !== undefined) throw new LocalProtocolError('handshake is not finished');
    const { symmetric } = this.#progress;
    const [first, second] = symmetric.split();
    this.wipe();
    const [sending, receiving] =
      this.#config.side === 'initiator' ? [first, second] : [second, first];
    return { handshakeHash: symmetric.handshakeHash(), sending, receiving };
  }

  /** Ends the handshake, finished or not. */
  wipe(): void {
    this.#finished = true;
    this.#ephemeralKeys?.wipe();
    this.#progress.symmetric.wipe();
  }

  #begin(turn: 'write' | 'read'): [Progress, readonly Token[]] {
    if (this.#finished) throw new LocalProtocolError('handshake was finished before');
    if (this.turn() !== turn) throw new LocalProtocolError(`not our turn to ${turn}`);
    const { symmetric, step, ...learned } = this.#progress;
    const attempt = { symmetric: symmetric.clone(), step, ...learned };
    return [attempt, needed(this.#config.pattern.messages[step])];
  }

  #commit(attempt: Progress): void {
    this.#progress.symmetric.wipe();
    this.#progress = { ...attempt, step: attempt.step + 1 };
  }

  #ephemeral(): KeyPair {
    const { crypto, randomBytes } = this.#config;
    this.#ephemeralKeys ??= crypto.generateKeyPair(randomBytes);
    return this.#ephemeralKeys;
  }

  #writeToken(attempt: Progress, token: Token): Uint8Array {
    switch (token) {
      case 'e':
        this.#mixEphemeral(attempt, this.ephemeral);
        return this.ephemeral;
      case 's':
        return attempt.symmetric.encryptAndHash(needed(this.#config.staticKeys).publicKey);
      default:
        this.#mixToken(attempt, token);
        return NOTHING;
    }
  }

  /** Returns what is left of `message` after this token. */
  #readToken(attempt: Progress, token: Token, message: Uint8Array): Uint8Array {
    switch (token) {
      case 'e': {
        const [key, rest] = take(KEY_SIZE, message, 'ephemeral key');
        assertCanonical(key);
        attempt.remoteEphemeral = key.slice() as typeof key;
        this.#mixEphemeral(attempt, key);
        return rest;
      }
      case 's': {
        const size = attempt.symmetric.hasKey() ? KEY_SIZE + TAG_SIZE : KEY_SIZE;
        const [sealed, rest] = take(size, message, 'static key');
        const key = attempt.symmetric.decryptAndHash(sealed);
        assertCanonical(key);
        attempt.remoteStatic = key.slice() as typeof key;
        return rest;
      }
      default:
        this.#mixToken(attempt, token);
        return message;
    }
  }

  #mixEphemeral({ symmetric }: Progress, key: PublicKey): void {
    symmetric.mixHash(key);
    if (this.#hasPsk) symmetric.mixKey(key);
  }

  #mixToken(attempt: Progress, token: 'psk' | DhToken): void {
    if (token === 'psk') {
      attempt.symmetric.mixKeyAndHash(needed(this.#config.psk));
      return;
    }
    const secret = this.#dh(attempt, token);
    attempt.symmetric.mixKey(secret);
    secret.fill(0);
  }

  /** First letter: the initiator's key; second: the responder's. */
  #dh({ remoteEphemeral, remoteStatic }: Progress, token: DhToken): SharedSecret {
    const [ours, theirs] = this.#config.side === 'initiator' ? token : [token[1], token[0]];
    const ownKeys = ours === 'e' ? this.#ephemeral() : needed(this.#config.staticKeys);
    return ownKeys.dh(needed(theirs === 'e' ? remoteEphemeral : remoteStatic));
  }
}

/** Blames the remote peer for what only it can cause; anything else is our bug and stays so. */
function refusal(cause: unknown): unknown {
  if (cause instanceof AuthenticationError) {
    return new RemoteProtocolError('unauthenticated', { cause });
  }
  return cause;
}

/** A value that the pattern needs by now. */
function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new LocalProtocolError('the pattern needs a key that is missing');
  return value;
}
