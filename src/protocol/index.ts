export { CipherState } from './cipher-state.ts';
export {
  CONTENT_TYPE,
  decodeFileHead,
  decodeNotice,
  decodeText,
  encodeFileHead,
  encodeNotice,
  encodeText,
  FILE_HEAD_SIZE_MAX,
  type FileHead,
  fileName,
  type Notice,
  type NoticeReason,
} from './content.ts';
export {
  LocalProtocolError,
  REFUSAL_REASONS,
  type RefusalReason,
  RemoteProtocolError,
} from './errors.ts';
export {
  type Established,
  type HandshakeConfig,
  HandshakeState,
  type Judge,
  type Learned,
  NOISE_MESSAGE_SIZE_MAX,
  type PresharedKey,
} from './handshake-state.ts';
export { PATTERNS, type Pattern, protocolName, type Side, withPsk } from './pattern.ts';
export { DEVICE_WINDOW_SIZE, ReplayWindow, WINDOW_SIZE } from './replay-window.ts';
export { decodePack, type Pack, type SenmlRecord } from './senml.ts';
