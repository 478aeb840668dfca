/**
 * Goal: the firmware's C core passes its own tests, and the vectors it shares with this side; what
 * it asks of a peer it gets.
 * Method: build and run hardware/esp32-peer/test under the address and undefined behaviour
 * sanitizers; then the same as a process, beside a real peer. A machine without a C compiler or Mbed TLS is told what was left out.
 */
import t from 'tap';
import { firmwareMissing, HostDevice, make } from './host-device.ts';
import { begin, bridged, lineOf, pair, play, post, until } from './scene.ts';

t.test('the firmware core, on this computer', async (t) => {
  const missing = await firmwareMissing();
  if (missing !== undefined) {
    t.comment(missing);
    return;
  }
  for (const line of (await make('test', 'check')).trim().split('\n')) t.match(line, /: ok/, line);
});

play('a device without a clock of its own is told the time by its peer', async (t) => {
  const scene = await begin(t);
  const device = new HostDevice('--data', `${scene.folder}/device`, '--name', 'esp', '--pty');
  t.teardown(() => device.kill());
  const { bridge } = await bridged(t, await lineOf(device), [scene.origin]);
  await pair(scene, device, bridge);
  await device.until(/^the clock was set$/);
  const sensor = async () => (await fetch(`${scene.origin}/sensor`)).json();
  await until('it has told of it', async () => {
    await post(bridge.origin, '/send_msg', {});
    const { last_synchronisation, devices } = (await sensor()) as {
      readonly last_synchronisation?: string | null;
      readonly devices: readonly { readonly time_is_sure: boolean }[];
    };
    return typeof last_synchronisation === 'string' && devices[0]?.time_is_sure === true;
  });
  const { current_time } = (await sensor()) as { readonly current_time: string };
  t.ok(Math.abs(Date.now() - Date.parse(current_time)) < 30_000, current_time);
});
