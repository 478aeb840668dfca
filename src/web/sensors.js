/** Devices, what they measure now and have measured, and how they are. */
import { useEffect, useState } from 'preact/hooks';
import { Empty, ErrorNote } from './action.js';
import { ask } from './api.js';
import { Device } from './device.js';
import { html } from './html.js';
import { useStore } from './store.js';
import { refusal } from './words.js';

const REFRESH_MS = 30_000;

export function Sensors() {
  const { devices, error, turn } = useDevices();
  return html`<div class="view">
    <header class="view-head">
      <h1 tabindex="-1">Sensors</h1>
      <p class="muted">What devices measure. It came sealed from the device itself; nobody on the way could read it.</p>
    </header>
    <${ErrorNote} error=${error} />
    ${
      devices !== undefined &&
      devices.length === 0 &&
      html`<${Empty} icon="sensors" title="No readings yet">
        Connect a device and start <code>sotto bridge</code> on the computer it hangs on, then pair
        with it like with anybody else. Its readings appear here by themselves.
      </${Empty}>`
    }
    ${devices?.map((device) => html`<${Device} key=${device.device} device=${device} turn=${turn} />`)}
  </div>`;
}

/** The newest values; asked again as readings arrive, and now and then for "last seen". */
function useDevices() {
  const revision = useStore((state) => state.readings);
  const [devices, setDevices] = useState();
  const [error, setError] = useState();
  const [turn, setTurn] = useState(0);
  const load = async () => {
    try {
      setDevices((await ask('GET', '/sensor')).devices);
      setTurn((before) => before + 1);
      setError(undefined);
    } catch (cause) {
      setError(refusal(cause));
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, [revision]);
  return { devices, error, turn };
}
