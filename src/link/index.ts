export * from './http-link.ts';
export { SerialLink } from './serial-link.ts';
export { openPort } from './serial-port.ts';
export { type OpenSerial, openTty } from './serial-tty.ts';
