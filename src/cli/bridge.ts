/** `sotto bridge`: offers a device on a serial line to peers on the network. Holds no key. */
import { once } from 'node:events';
import { startBridge } from '../bridge.ts';
import { defineCommand, usageError } from './command.ts';
import { CommandError, EXIT } from './errors.ts';

export const bridge = defineCommand({
  name: 'bridge',
  summary: 'offer a device on a serial line as a peer',
  usage: ['--serial FILE --peer ORIGIN [--port 5001]'],
  details:
    'Carries ciphertext between the device and the peers that --peer names, and its four verbs.\n' +
    'The device may be plugged in later, reset, or unplugged at any time.',
  examples: ['sotto bridge --serial /dev/ttyUSB0 --peer http://127.0.0.1:5000'],
  options: {
    serial: { type: 'string', takes: 'FILE', about: 'the serial line, e.g. /dev/ttyUSB0' },
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
    if (values.serial === undefined) throw usageError('bridge', 'Which line? Name it by --serial');
    const host = values.host ?? '127.0.0.1';
    const port = integer('--port', values.port ?? '5001', 65_535);
    const started = await startBridge({
      serial: values.serial,
      baud: integer('--baud', values.baud ?? '115200', 4_000_000),
      host,
      port,
      peers: values.peer ?? [],
      say: (line) => io.say(line),
    }).catch((cause: unknown) => {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
      if (code === undefined) throw cause;
      throw new CommandError(
        EXIT.usage,
        `Port ${port} of ${host} cannot be listened on (${code}).`,
      );
    });
    io.say(`The device on ${values.serial} is offered at ${started.origin}. Ctrl-C stops.`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    await started.stop();
    return {};
  },
});

function integer(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw usageError('bridge', `${flag} takes a number up to ${max}, not ${text}`);
}
