/** OpenSSL's suite, with a note of every secret that passes through it. */
import {
  type CryptoProvider,
  type KeyPair,
  openssl,
  type RandomBytes,
} from '../../src/crypto/index.ts';

/** Labels of PROTOCOL §5.1 whose results are there to be shown to people. */
const SHOWN = ['sotto-sas1', 'sotto-kcv1'];

export interface Secret {
  readonly what: string;
  readonly bytes: Uint8Array;
}

export function recordingCrypto(): { provider: CryptoProvider; secrets: readonly Secret[] } {
  const secrets: Secret[] = [];
  const note = <B extends Uint8Array>(what: string, bytes: B): B => {
    secrets.push({ what, bytes: bytes.slice() });
    return bytes;
  };
  const pair = (keys: KeyPair): KeyPair => ({
    publicKey: keys.publicKey,
    dh: (publicKey) => note('shared secret', keys.dh(publicKey)),
    wipe: () => keys.wipe(),
  });
  const provider: CryptoProvider = {
    name: openssl.name,
    importPrivateKey: (key) => pair(openssl.importPrivateKey(note('private key', key))),
    generateKeyPair(randomBytes) {
      const noted: RandomBytes = (length) => note('ephemeral private key', randomBytes(length));
      return pair(openssl.generateKeyPair(noted));
    },
    importSymmetricKey: (key) => openssl.importSymmetricKey(note('symmetric key', key)),
    hash: (...parts) => openssl.hash(...parts),
    createHash: () => openssl.createHash(),
    hmac: (key, ...parts) => note('HMAC', openssl.hmac(note('HMAC key', key), ...parts)),
    derive(secret, salt, info, length) {
      const label = new TextDecoder().decode(info);
      const result = openssl.derive(secret, salt, info, length);
      return SHOWN.includes(label) ? result : note(`derived for ${label}`, result);
    },
    async scrypt(passphrase, salt, cost, length) {
      return note('stretched passphrase', await openssl.scrypt(passphrase, salt, cost, length));
    },
  };
  return { provider, secrets };
}
