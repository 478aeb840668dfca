/**
 * Goal: the firmware's C core passes its own tests, and the vectors it shares with this side.
 * Method: build and run hardware/esp32-peer/test under the address and undefined behaviour
 * sanitizers. A machine without a C compiler or Mbed TLS is told what was left out.
 */
import t from 'tap';
import { firmwareMissing, make } from './host-device.ts';

t.test('the firmware core, on this computer', async (t) => {
  const missing = await firmwareMissing();
  if (missing !== undefined) {
    t.comment(missing);
    return;
  }
  for (const line of (await make('test', 'check')).trim().split('\n')) t.match(line, /: ok/, line);
});
