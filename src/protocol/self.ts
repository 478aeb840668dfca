/** Who we are: what every handshake of this peer is made with. */
import type { CryptoProvider, KeyPair, RandomBytes } from '../crypto/index.ts';
import type { Introduction } from './introduction.ts';

export interface Self {
  readonly crypto: CryptoProvider;
  readonly randomBytes: RandomBytes;
  readonly staticKeys: KeyPair;
  /** Asked anew for each handshake, which adds its own index. */
  readonly introduce: () => Omit<Introduction, 'index'>;
}
