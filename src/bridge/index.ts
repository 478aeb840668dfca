export { type Bridge, type BridgeConfig, startBridge } from './bridge.ts';
