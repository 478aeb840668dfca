/**
 * Weights by least squares: Cholesky's method on sums of products. Doubles, but only + − × ÷ √,
 * which IEEE 754 defines to the last bit, in one order: every machine finds the same weights.
 *
 * Entries are found in tiles of two rows and two columns. Each comes out as it would alone, but four
 * sums that need not wait for each other keep a processor busy where one does not.
 */

/** Below it the system has no answer. */
const SINGULAR = 1e-9;

/** Doubles of a system of so many equations. */
export function systemSize(size: number): number {
  return startOf(size + 2);
}

/** Where a row of a system starts. */
export function startOf(row: number): number {
  return (row * (row + 1)) / 2;
}

/**
 * Makes a factor F of a symmetric matrix M = F · Fᵀ, and F⁻¹ · a and F⁻¹ · b of two vectors: their
 * products, entry by entry, add up to what b · M⁻¹ · a is.
 *
 * @param system row by row of the lower triangle; then, as two rows more, a and b; overwritten.
 * @param size of M: even.
 * @param ridge added to the diagonal; keeps weights small where little is known.
 * @returns false if there is no answer; then `system` is spoilt.
 */
export function reduce(system: Float64Array, size: number, ridge: number): boolean {
  for (let column = 0, first = 0; column < size; column += 2) {
    const second = first + column + 1;
    if (!reduceCorner(system, column, first, second, ridge)) return false;
    let upper = second + column + 2;
    for (let row = column + 2; row <= size; row += 2) {
      const lower = upper + row + 1;
      reduceTile(system, column, first, second, upper, lower);
      upper = lower + row + 2;
    }
    first = second + column + 2;
  }
  return true;
}

/** `reduce`, and M⁻¹ · a as `weights`; they are spoilt if there is no answer. b may be zeros. */
export function solve(system: Float64Array, weights: Float64Array, ridge: number): boolean {
  const size = weights.length;
  if (!reduce(system, size, ridge)) return false;
  for (let i = size - 1; i >= 0; i--) {
    let sum = system[startOf(size) + i] as number;
    for (let k = i + 1; k < size; k++) {
      sum -= (system[startOf(k) + i] as number) * (weights[k] as number);
    }
    weights[i] = sum * (system[startOf(i) + i] as number);
  }
  return true;
}

/** On the diagonal, where two rows, starting at `first` and `second`, meet themselves. */
function reduceCorner(
  system: Float64Array,
  column: number,
  first: number,
  second: number,
  ridge: number,
): boolean {
  let a = (system[first + column] as number) + ridge;
  let b = system[second + column] as number;
  let c = (system[second + column + 1] as number) + ridge;
  for (let k = 0; k < column; k++) {
    const ofFirst = system[first + k] as number;
    const ofSecond = system[second + k] as number;
    a -= ofFirst * ofFirst;
    b -= ofSecond * ofFirst;
    c -= ofSecond * ofSecond;
  }
  if (!(a > SINGULAR)) return false;
  // The diagonal holds reciprocals from here on: a division less for each product.
  const reciprocal = 1 / Math.sqrt(a);
  b *= reciprocal;
  c -= b * b;
  if (!(c > SINGULAR)) return false;
  system[first + column] = reciprocal;
  system[second + column] = b;
  system[second + column + 1] = 1 / Math.sqrt(c);
  return true;
}

/** Below that corner, where the rows that start at `upper` and `lower` meet these two. */
function reduceTile(
  system: Float64Array,
  column: number,
  first: number,
  second: number,
  upper: number,
  lower: number,
): void {
  let a = system[upper + column] as number;
  let b = system[upper + column + 1] as number;
  let c = system[lower + column] as number;
  let d = system[lower + column + 1] as number;
  for (let k = 0; k < column; k++) {
    const ofFirst = system[first + k] as number;
    const ofSecond = system[second + k] as number;
    const ofUpper = system[upper + k] as number;
    const ofLower = system[lower + k] as number;
    a -= ofUpper * ofFirst;
    b -= ofUpper * ofSecond;
    c -= ofLower * ofFirst;
    d -= ofLower * ofSecond;
  }
  const ofCorner = system[first + column] as number;
  const between = system[second + column] as number;
  const ofNext = system[second + column + 1] as number;
  a *= ofCorner;
  c *= ofCorner;
  system[upper + column] = a;
  system[upper + column + 1] = (b - a * between) * ofNext;
  system[lower + column] = c;
  system[lower + column + 1] = (d - c * between) * ofNext;
}
