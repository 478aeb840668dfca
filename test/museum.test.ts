/**
 * Goal: the models in attack/museum fall to the attacks that docs/MUSEUM.md tells of, and the
 * check that nothing opens a packet of ours would notice if something did.
 * Method: the attacks, without peers. On running peers they are tried by `npm run attack`.
 */
import t from 'tap';
import { curvePoints, flaskOpen, flaskSend, multiply } from '../attack/museum/flask-pair.ts';
import { OldSensor, openWith, SECRETS } from '../attack/museum/sensor-sender.ts';
import { opens } from '../attack/museum.ts';
import { openssl, type SymmetricKey } from '../src/crypto/index.ts';
import { CipherState, sealTransport } from '../src/protocol/index.ts';

t.test('the Flask pair: 41 points, and the key is the one that was sent', async (t) => {
  const { publicKey, combineKey, ciphertext } = flaskSend('hello');
  t.equal(curvePoints().length, 40, 'and infinity');
  t.strictSame(multiply(41, publicKey), undefined, 'the order of the base point');
  t.equal(flaskOpen(publicKey, ciphertext), 'hello');
  const tried = [undefined, ...curvePoints()].map((point) => flaskOpen(point, ciphertext));
  t.equal(tried.filter((text) => text === 'hello').length, 1, 'and trying them all finds it');
  t.not(flaskOpen(combineKey, ciphertext), 'hello', 'it is not just any point');
});

t.test('the sensor: one of 22 keys, always the same bytes', async (t) => {
  for (const [own, other] of [
    [6, 15],
    [3, 7],
    [21, 2],
  ] as const) {
    const sensor = new OldSensor();
    const pi = new OldSensor();
    t.equal(sensor.exchange(own, other).shared_secret, pi.exchange(other, own).shared_secret);
    const ciphertext = sensor.send({ temp: 20 });
    t.strictSame(sensor.send({ temp: 20 }), ciphertext);
    const opening = SECRETS.filter((secret) => openWith(secret, ciphertext)?.['temp'] === 20);
    t.equal(opening.length, 1);
  }
});

t.test('a key that is right opens a packet, one that is not does not', async (t) => {
  const key = new Uint8Array(32).fill(7);
  const sending = new CipherState(openssl.importSymmetricKey(Uint8Array.from(key) as SymmetricKey));
  sealTransport(sending, 9, []);
  const packet = sealTransport(sending, 9, []);
  t.equal(opens(key, packet), true);
  t.equal(opens(new Uint8Array(32).fill(8), packet), false);
});
