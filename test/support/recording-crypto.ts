/** OpenSSL's suite, with a note of every secret that passes through it. */
import {
  type AeadKey,
  type CryptoProvider,
  equal,
  type KeyPair,
  openssl,
  type RandomBytes,
} from '../../src/crypto/index.ts';

/** Labels of PROTOCOL §5.1 whose results are there to be shown to people. */
const SHOWN = ['sotto-sas1', 'sotto-kcv1'];

/** Several keys may come of one derivation; each of them alone is a secret. */
const KEY_SIZE = 32;

export interface Secret {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** @param noted is called with a copy of each secret, as soon as there is one. */
export function recordingCrypto(noted: (secret: Secret) => void): CryptoProvider {
  const note = <B extends Uint8Array>(what: string, bytes: B): B => {
    for (let at = 0; at < bytes.length; at += KEY_SIZE) {
      noted({ what, bytes: bytes.slice(at, at + KEY_SIZE) });
    }
    return bytes;
  };
  const pair = (keys: KeyPair): KeyPair => ({
    publicKey: keys.publicKey,
    dh: (publicKey) => note('shared secret', keys.dh(publicKey)),
    wipe: () => keys.wipe(),
  });
  let stretched = new Uint8Array(0);
  return {
    name: openssl.name,
    importPrivateKey: (key) => pair(openssl.importPrivateKey(note('private key', key))),
    generateKeyPair(randomBytes) {
      const once: RandomBytes = (length) => note('ephemeral private key', randomBytes(length));
      return pair(openssl.generateKeyPair(once));
    },
    importSymmetricKey(key) {
      const imported = openssl.importSymmetricKey(note('symmetric key', key));
      return equal(key, stretched) ? sealing(imported, note) : imported;
    },
    hash: (...parts) => openssl.hash(...parts),
    createHash: () => openssl.createHash(),
    hmac: (key, ...parts) => note('HMAC', openssl.hmac(note('HMAC key', key), ...parts)),
    derive(secret, salt, info, length) {
      const label = new TextDecoder().decode(info);
      // Noise derives from what is noted already, and from public keys; a code from r_A ‖ r_B.
      if (label !== '') note(`what ${label} derives from`, secret);
      const result = openssl.derive(secret, salt, info, length);
      return SHOWN.includes(label) ? result : note(`derived for ${label || 'Noise'}`, result);
    },
    async scrypt(passphrase, salt, cost, length) {
      const result = await openssl.scrypt(passphrase, salt, cost, length);
      stretched = result.slice();
      return note('stretched passphrase', result);
    },
  };
}

/** What a passphrase protects is a key itself. */
function sealing(key: AeadKey, note: (what: string, bytes: Uint8Array) => Uint8Array): AeadKey {
  return {
    seal: (counter, data, plaintext) => key.seal(counter, data, note('database key', plaintext)),
    open: (counter, data, ciphertext) => note('database key', key.open(counter, data, ciphertext)),
    wipe: () => key.wipe(),
  };
}
