/**
 * Handshake patterns as data, Noise §7: who sends which tokens, and who knows whom before.
 *
 *     XX:                    KK:                    K:
 *       -> e                   -> s                   -> s
 *       <- e, ee, s, es        <- s                   <- s
 *       -> s, se               ...                    ...
 *                              -> e, es, ss           -> e, es, ss
 *                              <- e, ee, se
 */

export type Side = 'initiator' | 'responder';
export type DhToken = 'ee' | 'es' | 'se' | 'ss';
export type Token = 'e' | 's' | 'psk' | DhToken;

export interface Pattern {
  readonly name: string;
  /** Whose static key the other side knows beforehand, in the order of §5.3. */
  readonly known: readonly Side[];
  /** The tokens of each message; the initiator writes the first, then they alternate. */
  readonly messages: readonly (readonly Token[])[];
}

const XX: Pattern = {
  name: 'XX',
  known: [],
  messages: [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']],
};

const KK: Pattern = {
  name: 'KK',
  known: ['initiator', 'responder'],
  messages: [
    ['e', 'es', 'ss'],
    ['e', 'ee', 'se'],
  ],
};

const K: Pattern = {
  name: 'K',
  known: ['initiator', 'responder'],
  messages: [['e', 'es', 'ss']],
};

/** The patterns this protocol uses. */
export const PATTERNS = { XX, XXpsk3: withPsk(XX, 3), KKpsk0: withPsk(KK, 0), K } as const;

/** The modifier psk0 opens the first message, pskN closes the N-th, §9.4. */
export function withPsk({ name, known, messages }: Pattern, place: number): Pattern {
  const modified = messages.map((tokens, index): readonly Token[] => {
    if (place === 0 && index === 0) return ['psk', ...tokens];
    return place === index + 1 ? [...tokens, 'psk'] : tokens;
  });
  return { name: `${name}psk${place}`, known, messages: modified };
}

/** A psk makes every ephemeral key part of the chaining key, §9.2. */
export function hasPsk({ messages }: Pattern): boolean {
  return messages.some((tokens) => tokens.includes('psk'));
}

export function protocolName({ name }: Pattern): string {
  return `Noise_${name}_25519_AESGCM_SHA256`;
}
