export { isAddress } from './address.ts';
export {
  BUNDLE_PACKET_COUNT_MAX,
  BUNDLE_SIZE_MAX,
  bundledSize,
  decodeBundle,
  encodeBundle,
  LETTER_FILE_SIZE_MAX,
} from './bundle.ts';
export { CipherState } from './cipher-state.ts';
export {
  type Comparison,
  commitment,
  comparisonCode,
  comparisonNumber,
  keyCheckValue,
  type Met,
} from './comparison.ts';
export type { Confirmation, ContactBook, ContactRef, KnownContact } from './contact-book.ts';
export {
  CONTENT_TYPE,
  decodeFileHead,
  decodeNotice,
  decodeText,
  encodeFileHead,
  encodeNotice,
  encodeText,
  FILE_HEAD_SIZE_MAX,
  fileName,
  type NoticeReason,
} from './content.ts';
export type { Effect, MeetingFailure, Via } from './effects.ts';
export {
  LocalProtocolError,
  REFUSAL_REASONS,
  type RefusalReason,
  RemoteProtocolError,
} from './errors.ts';
export { fingerprint, fingerprintOfPair } from './fingerprint.ts';
export { gateKeyOf, gateOf, gateOpens, hintOf } from './gate.ts';
export type { Gate } from './gate-keys.ts';
export {
  type Established,
  HandshakeState,
  type Judge,
  NOISE_MESSAGE_SIZE_MAX,
  type PresharedKey,
} from './handshake-state.ts';
export {
  type Answer,
  CAPABILITY,
  decodeAnswer,
  decodeClosing,
  decodeIntroduction,
  decodeOpening,
  encodeAnswer,
  encodeIntroduction,
  encodeOpening,
  FRAME_SIZE_MAX,
  FRAME_SIZE_MIN,
  type Introduction,
  isName,
  type Opening,
} from './introduction.ts';
export { type ImageKey, imageKeyOf, openLetter, sealLetter } from './letter.ts';
export { type MeetingOptions, Meetings } from './meetings.ts';
export {
  type AnswerPacket,
  decodePacket,
  encodeHandshake,
  encodeTransportHeader,
  type LetterPacket,
  type OpeningPacket,
  prologueOf,
  type ReunionPacket,
  type StatusCode,
  type StatusPacket,
  type TransportPacket,
} from './packet.ts';
export {
  decodePairingCode,
  encodePairingCode,
  type PairingCode,
  PairingCodeError,
  type PairingSecret,
  pskOf,
} from './pairing-code.ts';
export { PATTERNS, type Pattern, type Side, withPsk } from './pattern.ts';
export {
  type AckPayload,
  decodePayloads,
  type LetterAckPayload,
  MESSAGE_OVERHEAD,
  OUTBOX_SIZE,
  PART_OVERHEAD,
  type Payload,
  payloadSize,
  type TimePayload,
} from './payload.ts';
export {
  contentSizeMax,
  decodePlaintext,
  encodePlaintext,
  payloadRoom,
  sliceSizeMax,
} from './plaintext.ts';
export { RateLimit } from './rate-limit.ts';
export { DEVICE_WINDOW_SIZE, ReplayWindow, WINDOW_SIZE } from './replay-window.ts';
export { Reunions } from './reunions.ts';
export type { Self } from './self.ts';
export { decodePack, type Pack, type SenmlRecord } from './senml.ts';
export {
  LetterWindow,
  SEQUENCES_MARKED_MAX,
  SequenceWindow,
} from './sequence-window.ts';
export { DEVICE_LIMITS, PEER_LIMITS, type SessionLimits } from './session.ts';
export { type Opened, type SessionPlace, Sessions } from './sessions.ts';
export { echoOf, statusAbout } from './status.ts';
export { openTransport, sealTransport } from './transport.ts';
