/** What a broker, or the way to it, says: in words that tell what to do. */
import { ErrorWithReasonCode } from 'mqtt';
import type { MqttAddress } from './mqtt-address.ts';
import { ForwardError } from './place.ts';

const waits = 'readings wait here until it is back';
/** Of MQTT 3.1.1, §3.2.2.3: 4 and 5. */
const REFUSED: Readonly<Record<number, string>> = {
  4: 'refuses user or password: name the file with the password by ?passwordfile=FILE',
  5: 'does not let this user in: see its list of users',
};
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: `does not answer: is it running, and is that its port? ${waits}`,
  ENOTFOUND: 'is not known by this name: correct it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate for another name: call it as that says',
  EAI_AGAIN: `cannot be looked up by name now; ${waits}`,
};
const FILES: readonly string[] = ['ENOENT', 'EACCES', 'EISDIR'];
const DISTRUST = /CERT|SIGNATURE|ISSUER/;

export function mqttError(cause: unknown, { broker }: MqttAddress): ForwardError {
  return new ForwardError(`The MQTT broker at ${broker} ${reasonOf(cause)}.`, { cause });
}

function reasonOf(given: unknown): string {
  const cause = given instanceof AggregateError ? (given.errors[0] ?? given) : given;
  if (!(cause instanceof Error)) return `cannot be reached; ${waits}`;
  if (cause instanceof ErrorWithReasonCode) {
    return REFUSED[cause.code] ?? `refused (reason ${cause.code})`;
  }
  const code = 'code' in cause ? String(cause.code) : '';
  const known = WORDS[code];
  if (known !== undefined) return known;
  if (FILES.includes(code)) {
    const path = 'path' in cause ? String(cause.path) : 'a file';
    return `is not called: ${path} of its address cannot be read (${code})`;
  }
  if (DISTRUST.test(code)) {
    return `shows a certificate that cannot be trusted (${code}): name who vouches for it by ?ca=FILE`;
  }
  return `cannot be reached (${code === '' ? cause.message : code}); ${waits}`;
}
