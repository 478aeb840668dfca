/** `sotto bridge`: offers devices on serial lines to peers on the network. Holds no key. */
import type { Bridge, startBridge } from '../bridge/index.ts';
import { isOrigin } from '../config.ts';
import { notListening } from '../listening.ts';
import { systemCode } from '../reasons.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Io } from './io.ts';
import { runUntilTold, tellReady } from './until-told.ts';

export const bridge = defineCommand({
  name: 'bridge',
  summary: 'Offer a device on a serial line as a peer',
  usage: ['--serial FILE [--port 5001] [--peer ORIGIN]'],
  details: `Carries ciphertext between the device and its peers, and its four verbs; holds no key. The device
may be plugged in later, reset, or unplugged at any time. --serial may be repeated: the second
device is offered at the port after the first one's, and so on. A device reaches peers on this
machine and in private networks; with --peer those that are named, and no other.
GET /show and /metrics tell noise on the line from packets that the device refused.`,
  examples: [
    'sotto bridge --serial /dev/ttyUSB0',
    'sotto bridge --serial /dev/ttyUSB0 --serial /dev/ttyUSB1 --host 0.0.0.0',
    'sotto bridge --serial /dev/ttyUSB0 --peer http://127.0.0.1:5000',
  ],
  options: {
    serial: {
      type: 'string',
      takes: 'FILE',
      multiple: true,
      about: 'the serial line, e.g. /dev/ttyUSB0; may be repeated',
    },
    baud: { type: 'string', takes: 'N', about: 'bits a second; 115200' },
    host: { type: 'string', takes: 'HOST', about: 'where to listen; 127.0.0.1' },
    port: { type: 'string', takes: 'PORT', about: 'where to listen; 5001' },
    peer: {
      type: 'string',
      takes: 'ORIGIN',
      multiple: true,
      about: 'a peer that the device may reach; may be repeated',
    },
  },
  positionalsMax: 0,
  async run({ values, io }) {
    const { serial = [], host = '127.0.0.1', peer: peers = [] } = values;
    if (serial.length === 0) throw usageError('bridge', 'Which line? Name it by --serial');
    const port = integer('--port', values.port ?? '5001', 65_535);
    if (port + serial.length - 1 > 65_535)
      throw usageError('bridge', `No port after ${port} is left`);
    const strange = peers.find((each) => !isOrigin(each));
    if (strange !== undefined)
      throw usageError('bridge', `--peer takes an origin as http://HOST:PORT, not ${strange}`);
    const baud = integer('--baud', values.baud ?? '115200', 4_000_000);
    await runUntilTold(async () => {
      const started: Bridge[] = [];
      const stop = () => Promise.all(started.map((each) => each.stop()));
      try {
        for (const [index, path] of serial.entries()) {
          const own = port === 0 ? 0 : port + index;
          const marked = serial.length === 1 ? '' : `${path}: `;
          const say = (line: string) => io.say(marked + line);
          started.push(await offer(io, { serial: path, baud, host, port: own, peers, say }));
        }
      } catch (cause) {
        await stop();
        throw cause;
      }
      const [{ origin } = { origin: '' }] = started;
      tellReady({ origin, pageLink: origin });
      return stop;
    });
    return {};
  },
});

/** @throws {CommandError} if the port cannot be had. */
async function offer(io: Io, config: Parameters<typeof startBridge>[0]): Promise<Bridge> {
  const { serial, host, port } = config;
  try {
    // Only here: no other command needs it.
    const bridge = await import('../bridge/index.ts');
    const started = await bridge.startBridge(config);
    io.say(`The device on ${serial} is offered at ${started.origin}. Ctrl-C stops.`);
    return started;
  } catch (cause) {
    if (systemCode(cause) === undefined) throw cause;
    throw new CommandError(EXIT.usage, notListening({ host, port }, cause), { cause });
  }
}

function integer(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw usageError('bridge', `${flag} takes a number up to ${max}, not ${text}`);
}
