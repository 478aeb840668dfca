/**
 * How much faster OpenSSL computes what @noble computes, as ratios from one run: the median of
 * interleaved rounds. Prepared keys, 16 bytes of associated data, as a transport packet has it.
 */
import {
  type CryptoProvider,
  openssl,
  providerOf,
  systemRandomBytes as randomBytes,
  type SymmetricKey,
} from '../src/crypto/index.ts';

const noble = await providerOf('noble');

const ROUNDS = 7;
const ROUND_MS = 40;

type Task = (crypto: CryptoProvider) => () => unknown;

const sealOf =
  (size: number): Task =>
  (crypto) => {
    const key = crypto.importSymmetricKey(new Uint8Array(32) as SymmetricKey);
    const [header, plaintext] = [new Uint8Array(16), new Uint8Array(size)];
    return () => key.seal(1n, header, plaintext);
  };

const openOf =
  (size: number): Task =>
  (crypto) => {
    const key = crypto.importSymmetricKey(new Uint8Array(32) as SymmetricKey);
    const header = new Uint8Array(16);
    const sealed = key.seal(1n, header, new Uint8Array(size));
    return () => key.open(1n, header, sealed);
  };

const TASKS: Readonly<Record<string, Task>> = {
  'seal 256 B': sealOf(256),
  'open 256 B': openOf(256),
  'seal 64 KiB': sealOf(65_536),
  'X25519, remote key new': (crypto) => {
    const [own, remote] = [
      crypto.generateKeyPair(randomBytes),
      crypto.generateKeyPair(randomBytes),
    ];
    return () => own.dh(remote.publicKey);
  },
  'X25519, new key pair': (crypto) => () => crypto.generateKeyPair(randomBytes),
  'SHA-256, 256 B': (crypto) => {
    const data = new Uint8Array(256);
    return () => crypto.hash(data);
  },
  'HKDF, 96 B': (crypto) => {
    const [secret, none] = [new Uint8Array(32), new Uint8Array(0)];
    return () => crypto.derive(secret, secret, none, 96);
  },
};

/** Microseconds a call, in one round. */
function roundOf(run: () => unknown): number {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    run();
    calls += 1;
    elapsed = performance.now() - start;
  }
  return (elapsed * 1000) / calls;
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function compare(task: Task): { readonly fast_us: number; readonly slow_us: number } {
  const [fast, slow] = [task(openssl), task(noble)];
  const fastRounds: number[] = [];
  const slowRounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const [fast_us, slow_us] = [roundOf(fast), roundOf(slow)];
    if (round === 0) continue; // The first one compiles.
    fastRounds.push(fast_us);
    slowRounds.push(slow_us);
  }
  return { fast_us: median(fastRounds), slow_us: median(slowRounds) };
}

console.log('## Crypto: OpenSSL against @noble\n');
console.log('| µs a call | OpenSSL | @noble | ratio |\n|---|---|---|---|');
for (const [name, task] of Object.entries(TASKS)) {
  const { fast_us, slow_us } = compare(task);
  const ratio = (slow_us / fast_us).toFixed(1);
  console.log(`| ${name} | ${fast_us.toFixed(1)} | ${slow_us.toFixed(1)} | ${ratio} × |`);
}
