/**
 * Each route in one line for people and in schemas for programs. The fields are the very schemas
 * that check requests; that no route is missing here is tested.
 */
import type { z } from 'zod';
import * as answers from './answers.ts';
import { DecryptFields } from './decrypt-msg.ts';
import { SecretFields } from './identity.ts';
import { FileFields, FormFields, TextFields, TypedFields } from './message-body.ts';
import { ListFields, NoFields } from './messages.ts';
import { CapacityFields, PreviewFields } from './pictures.ts';
import { SendKeysFields } from './send-keys.ts';
import { SensorFields } from './sensor.ts';
import { SessionFields } from './session.ts';
import { VerifyFields } from './verify.ts';

export interface Description {
  readonly summary: string;
  /** In the query, or in a JSON object or form as the body. */
  readonly fields?: z.ZodType;
  /** What a multipart form may hold besides files. */
  readonly form?: z.ZodType;
  /** Types of a body that is a file, and the fields of the query besides it. */
  readonly file?: { readonly types: readonly string[]; readonly fields?: z.ZodType };
  /** By status: a schema of JSON, the types of other bodies, both by `Accept`, or none. */
  readonly answers: Readonly<Record<number, z.ZodType | readonly string[] | Choice | 'nothing'>>;
}

export interface Choice {
  readonly json: z.ZodType;
  readonly types: readonly string[];
}

const BYTES = ['application/octet-stream'];

const pairing = (summary: string): Description => ({
  summary,
  fields: SendKeysFields,
  answers: { 200: answers.Keys, 202: answers.Keys },
});
const opening: Description = {
  summary: 'Open what has arrived, on the terminal of the peer',
  fields: DecryptFields,
  answers: { 200: answers.Decrypted },
};
const EXCHANGE = 'By the older name: pair, or renew the keys, with a device';

/** By method and path, as the router has them. */
export const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  'POST /packets': {
    summary: 'What other peers call: a bundle of packets, and one back (docs/PROTOCOL.md §3.1)',
    file: { types: [...BYTES, 'image/png'] },
    answers: { 200: BYTES },
  },
  'GET /healthz': { summary: 'Whether it lives', answers: { 200: answers.Alive } },
  'POST /send_keys': pairing('Pair, or renew the keys, with a contact'),
  'GET /send_keys': pairing('The same, typed into an address bar'),
  'POST /dh-key-exchange': pairing(EXCHANGE),
  'GET /dh-key-exchange': pairing(`${EXCHANGE}; typed`),
  'GET /show': { summary: 'This peer in public; never a secret', answers: { 200: answers.Shown } },
  'POST /send_msg': {
    summary:
      'Send a text or a file; with carrier=file the answer is a letter to carry by hand, with carrier=image it travels in a cover',
    fields: TextFields,
    form: FormFields,
    file: { types: ['*/*'], fields: FileFields },
    answers: { 200: [...BYTES, 'image/png'], 202: answers.Sent },
  },
  'GET /send_msg': {
    summary: 'Send a text, typed into an address bar',
    fields: TypedFields,
    answers: { 200: BYTES, 202: answers.Sent },
  },
  'POST /decrypt_msg': opening,
  'GET /decrypt_msg': { ...opening, summary: `${opening.summary}; typed` },
  'POST /verify': {
    summary: 'Two people have compared the code, and it is the same, or differs',
    fields: VerifyFields,
    answers: { 200: answers.Verified },
  },
  'GET /sensor': {
    summary: 'What devices measure: the newest, or a series',
    fields: SensorFields,
    answers: {
      200: { json: answers.Sensors, types: ['application/senml+json', 'text/csv'] },
    },
  },
  'GET /contacts': { summary: 'Who is known', answers: { 200: answers.Contacts } },
  'DELETE /contacts/:name': {
    summary: 'Forget a contact and its keys; what it sent stays',
    answers: { 204: 'nothing' },
  },
  'POST /pair': { summary: 'Make a pairing code', answers: { 200: answers.Code } },
  'POST /receive': {
    summary: 'Take a letter that somebody has carried here',
    file: { types: ['*/*'] },
    answers: { 200: answers.Received },
  },
  'GET /messages': {
    summary: 'What was sent and received, newest first',
    fields: ListFields,
    answers: { 200: answers.Talk },
  },
  'GET /messages/:row': { summary: 'The bytes of a file', answers: { 200: BYTES } },
  'POST /messages/:row/open': {
    summary: 'Open one message, or see it again',
    fields: NoFields,
    answers: { 200: answers.OpenedOne },
  },
  'GET /events': {
    summary: 'Server-sent events: that something has changed, never what',
    answers: { 200: ['text/event-stream'] },
  },
  'GET /identity': { summary: 'Who this peer is', answers: { 200: answers.Identity } },
  'POST /identity': {
    summary: 'The identity as a file that only the passphrase given here opens',
    fields: SecretFields,
    answers: { 200: BYTES },
  },
  'POST /passphrase': {
    summary: 'Another passphrase opens the data from the next start on',
    fields: SecretFields,
    answers: { 204: 'nothing' },
  },
  'POST /pictures/capacity': {
    summary: 'What the PNG in the body can hold, and how it would look',
    file: { types: ['image/png'], fields: CapacityFields },
    answers: { 200: answers.Capacity },
  },
  'POST /pictures/preview': {
    summary: 'That PNG as it would look',
    file: { types: ['image/png'], fields: PreviewFields },
    answers: { 200: ['image/png'] },
  },
  'GET /pictures/covers': {
    summary: 'What lies in the covers folder, to be used',
    answers: { 200: answers.FolderCovers },
  },
  'GET /pictures/covers/:name': { summary: 'One of them', answers: { 200: ['image/png'] } },
  'GET /covers': {
    summary: 'Covers that came back, with what proves each',
    answers: { 200: answers.Covers },
  },
  'GET /covers/:id': { summary: 'One of them', answers: { 200: ['image/png'] } },
  'POST /backup': {
    summary: 'The encrypted database, and the key file that opens it',
    answers: { 200: ['application/x-tar'] },
  },
  'GET /metrics': { summary: 'Counts for Prometheus', answers: { 200: ['text/plain'] } },
  'GET /openapi.json': { summary: 'This description', answers: { 200: ['application/json'] } },
  'GET /': { summary: 'The page', answers: { 200: ['text/html'] } },
  'GET /web/:file': { summary: 'A part of the page', answers: { 200: ['text/css'] } },
  'POST /session': {
    summary: 'Show the token once, for a cookie',
    fields: SessionFields,
    answers: { 204: 'nothing' },
  },
  'DELETE /session': { summary: 'Forget the cookie', answers: { 204: 'nothing' } },
};
