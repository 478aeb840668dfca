export { type Bridge, startBridge } from './bridge.ts';
