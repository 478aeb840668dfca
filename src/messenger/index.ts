export * from './api.ts';
export { unmet } from './contacts.ts';
export { OPEN_MAX } from './decrypt-messages.ts';
export {
  PeerMessenger,
  type PeerMessengerConfig,
  type PeerMessengerDeps,
} from './peer-messenger.ts';
export * from './picture-ports.ts';
export * from './ports.ts';
