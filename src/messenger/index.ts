export * from './api.ts';
export { unmet } from './contacts.ts';
export type { PeerMessengerConfig } from './parts.ts';
export { PeerMessenger } from './peer-messenger.ts';
export * from './picture-ports.ts';
export * from './ports.ts';
