/**
 * Weights by least squares: Cholesky's method on sums of products. Doubles, but only + − × ÷ √,
 * which IEEE 754 defines to the last bit, in one order: every machine finds the same weights.
 */

/** Below it the system has no answer. */
const SINGULAR = 1e-9;

/**
 * @param sums row by row of a lower triangle, then the right side; overwritten.
 * @param ridge added to the diagonal; keeps weights small where little is known.
 * @returns false if there is no answer; then `weights` are spoilt.
 */
export function solve(sums: Float64Array, weights: Float64Array, ridge: number): boolean {
  const size = weights.length;
  const right = (size * (size + 1)) / 2;
  for (let i = 0, row = 0; i < size; row += ++i) {
    for (let j = 0, other = 0; j < i; other += ++j) {
      let sum = sums[row + j] as number;
      for (let k = 0; k < j; k++) sum -= (sums[row + k] as number) * (sums[other + k] as number);
      // The diagonal holds reciprocals from here on: a division less for each product.
      sums[row + j] = sum * (sums[other + j] as number);
    }
    let diagonal = (sums[row + i] as number) + ridge;
    let rest = sums[right + i] as number;
    for (let k = 0; k < i; k++) {
      const factor = sums[row + k] as number;
      diagonal -= factor * factor;
      rest -= factor * (weights[k] as number);
    }
    if (!(diagonal > SINGULAR)) return false;
    const reciprocal = 1 / Math.sqrt(diagonal);
    sums[row + i] = reciprocal;
    weights[i] = rest * reciprocal;
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = weights[i] as number;
    for (let k = i + 1; k < size; k++) {
      sum -= (sums[(k * (k + 1)) / 2 + i] as number) * (weights[k] as number);
    }
    weights[i] = sum * (sums[(i * (i + 1)) / 2 + i] as number);
  }
  return true;
}
