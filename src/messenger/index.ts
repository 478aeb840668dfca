export * from './api.ts';
export { unmet } from './contacts.ts';
export {
  PeerMessenger,
  type PeerMessengerConfig,
} from './peer-messenger.ts';
export * from './picture-ports.ts';
export * from './ports.ts';
