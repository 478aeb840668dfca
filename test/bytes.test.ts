/** Goal: a length is checked once, and the error names both lengths but never the bytes. */
import t from 'tap';
import { bytes, concat, LengthError, take } from '../src/bytes.ts';

t.test('bytes() refuses another length and names both', async (t) => {
  t.throws(() => bytes(4, Uint8Array.of(9, 9), 'nonce'), LengthError);
  t.throws(() => bytes(4, Uint8Array.of(9, 9), 'nonce'), {
    message: 'nonce must be 4 bytes, got 2',
  });
});

t.test('take() gives the head and the rest as views', async (t) => {
  const whole = concat(Uint8Array.of(1, 2), Uint8Array.of(3));
  const [head, rest] = take(2, whole, 'head');
  t.strictSame([...head], [1, 2]);
  t.strictSame([...rest], [3]);
  t.equal(head.buffer, whole.buffer);
  t.throws(() => take(4, whole, 'head'), LengthError);
});
