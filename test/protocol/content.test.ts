/**
 * Goal: contents come back as they were sent, and a hostile name or length can do nothing.
 * Method: round trips as properties, every cut refused, names drawn from what file systems obey.
 */
import fc from 'fast-check';
import t from 'tap';
import { concat } from '../../src/bytes.ts';
import {
  decodeFileHead,
  decodeNotice,
  decodeText,
  encodeFileHead,
  encodeNotice,
  encodeText,
  FILE_HEAD_SIZE_MAX,
  fileName,
  RemoteProtocolError,
} from '../../src/protocol/index.ts';

const malformed = { name: 'RemoteProtocolError', reason: 'malformed' };
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

t.test('text comes back; what is not UTF-8 is malformed', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => decodeText(encodeText(text)) === text),
  );
  t.throws(() => decodeText(Uint8Array.of(1, 0xff)), malformed);
});

t.test('a file head comes back with its size, whatever bytes follow', async () => {
  const name = fc.stringMatching(/^[a-zA-Zäß€ .-]{1,40}[a-z]$/);
  fc.assert(
    fc.property(name, fc.string({ maxLength: 80 }), fc.uint8Array(), (name, mediaType, tail) => {
      const encoded = encodeFileHead({ name, mediaType });
      const { head, size } = decodeFileHead(concat(encoded, tail));
      return size === encoded.length && head.name === fileName(name);
    }),
  );
});

t.test('a file head cut anywhere is malformed', async (t) => {
  const encoded = encodeFileHead({ name: 'report.pdf', mediaType: 'application/pdf' });
  for (let size = 0; size < encoded.length; size += 1) {
    t.throws(() => decodeFileHead(encoded.subarray(0, size)), malformed, `${size} bytes`);
  }
});

t.test('a long name is cut at a character and fits', async (t) => {
  const encoded = encodeFileHead({ name: '€'.repeat(200), mediaType: 'x'.repeat(300) });
  t.ok(encoded.length <= FILE_HEAD_SIZE_MAX);
  t.equal(decodeFileHead(encoded).head.name, '€'.repeat(85));
});

t.test('a name never leads out of its folder and commands no terminal', async (t) => {
  for (const name of ['', '.', '..', '/', 'a/..', '..\\', '\u0000', '\u202e', '\u200d\u200c']) {
    t.equal(fileName(name), 'file', JSON.stringify(name));
  }
  t.equal(fileName('../../etc/passwd'), 'passwd');
  t.equal(fileName('C:\\temp\\x.txt'), 'x.txt');
  t.equal(fileName('a\u001b[2Jb'), 'a[2Jb');
  t.equal(fileName('a\nb\u2028c\u0085d\u202ee\u2066f\u{e0041}g.txt'), 'abcdefg.txt');
  for (const name of ['👨‍👩.png', 'می‌خواهم.txt', 'e\u0301.txt', '\ue000', '\u{1fadd}.png']) {
    t.equal(fileName(name), name, 'nothing is lost that harms nobody');
  }
});

t.test('a notice comes back; other lengths and reasons are malformed', async (t) => {
  const reason = fc.constantFrom('too_large' as const, 'not_understood' as const);
  fc.assert(
    fc.property(u64, u64, reason, (epoch, sequence, reason) => {
      const notice = decodeNotice(encodeNotice({ epoch, sequence, reason }));
      return notice.epoch === epoch && notice.sequence === sequence && notice.reason === reason;
    }),
  );
  const encoded = encodeNotice({ epoch: 1n, sequence: 2n, reason: 'too_large' });
  t.throws(() => decodeNotice(encoded.subarray(1)), RemoteProtocolError);
  encoded[17] = 3;
  t.throws(() => decodeNotice(encoded), malformed);
});
