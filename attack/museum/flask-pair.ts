/**
 * The first of the older programs, in small: an elliptic curve over a field of 31 elements, both
 * private keys the same constant, AES-ECB without authentication, one slot for what comes in and
 * what goes out. `publicKey` was the shared base point, `combineKey` own private key × base point.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const FIELD = 31;
/** y² = x³ + x + 3, of 41 points: a prime, so that every point but infinity is a generator. */
const A = 1;
const B = 3;
/** The point at infinity is undefined. */
export type Point = readonly [x: number, y: number] | undefined;

const mod = (value: number) => ((value % FIELD) + FIELD) % FIELD;

function inverse(value: number): number {
  for (let candidate = 1; candidate < FIELD; candidate += 1) {
    if (mod(value * candidate) === 1) return candidate;
  }
  throw new RangeError('0 has no inverse');
}

function add(p: Point, q: Point): Point {
  if (p === undefined) return q;
  if (q === undefined) return p;
  if (p[0] === q[0] && mod(p[1] + q[1]) === 0) return undefined;
  const isDouble = p[0] === q[0];
  const slope = isDouble
    ? mod((3 * p[0] * p[0] + A) * inverse(mod(2 * p[1])))
    : mod((q[1] - p[1]) * inverse(mod(q[0] - p[0])));
  const x = mod(slope * slope - p[0] - q[0]);
  return [x, mod(slope * (p[0] - x) - p[1])];
}

export function multiply(scalar: number, point: Point): Point {
  let product: Point;
  for (let count = 0; count < scalar; count += 1) product = add(product, point);
  return product;
}

export function curvePoints(): Exclude<Point, undefined>[] {
  const all = Array.from({ length: FIELD * FIELD }, (_, at) => [
    at % FIELD,
    Math.trunc(at / FIELD),
  ]);
  return all
    .map(([x = 0, y = 0]) => [x, y] as const)
    .filter(([x, y]) => mod(y * y) === mod(x * x * x + A * x + B));
}

/** Order of the base point − 1, so twice the multiplication leads back to the base point. */
const PRIVATE_KEY = 40;
const BASE_POINT: Point = curvePoints()[0];

function aesKey(point: Point): Buffer {
  return Buffer.from(JSON.stringify(point ?? null).padEnd(32, '0'));
}

export interface FlaskRecord {
  readonly publicKey: Point;
  readonly combineKey: Point;
  readonly ciphertext: Uint8Array;
}

/** What a listener hears when `text` is sent: all three, in clear JSON. */
export function flaskSend(text: string): FlaskRecord {
  const combineKey = multiply(PRIVATE_KEY, BASE_POINT);
  const shared = multiply(PRIVATE_KEY, combineKey);
  const cipher = createCipheriv('aes-256-ecb', aesKey(shared), null);
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]);
  return { publicKey: BASE_POINT, combineKey, ciphertext };
}

/** The text, or undefined if the padding is wrong. The only check there was. */
export function flaskOpen(point: Point, ciphertext: Uint8Array): string | undefined {
  try {
    const decipher = createDecipheriv('aes-256-ecb', aesKey(point), null);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

/** The one slot: a second message replaces the first, whoever wrote it. */
export class FlaskSlot {
  message: string | undefined;

  put(message: string): void {
    this.message = message;
  }
}
