/** One device: last seen, its values as charts over a range, its health, and an export. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote, Note, useAction } from './action.js';
import { ask, query } from './api.js';
import { Chart } from './chart.js';
import { exportCsv } from './export.js';
import { ago, time } from './format.js';
import { Health } from './health.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { save } from './save.js';
import { Segments } from './segments.js';
import { own, refusal, sensorName } from './words.js';

/** Hours shown, and seconds that one point stands for. */
const RANGES = [
  { id: 'hour', label: '1 hour', short: '1 h', hours: 1, every: 10 },
  { id: 'quarter', label: '6 hours', short: '6 h', hours: 6, every: 60 },
  { id: 'day', label: '24 hours', short: '24 h', hours: 24, every: 300 },
  { id: 'week', label: '7 days', short: '7 d', hours: 168, every: 1_800 },
  { id: 'month', label: '30 days', short: '30 d', hours: 720, every: 7_200 },
];
/** A device reports every ten seconds; after that many it has missed several. */
const LATE_S = 60;

/** @param turn grows whenever the device was looked at anew. */
export function Device({ device, turn }) {
  const { device: name, age_s, values, health, missing_since } = device;
  const never = Object.keys(missing_since).filter((id) => missing_since[id] === null);
  const [range, setRange] = useState(RANGES[0]);
  const { series, error } = useSeries(name, range, turn);
  const isLate = age_s > LATE_S;
  return html`<section class="card device" aria-label=${`Device ${name}`}>
    <header class="card-head">
      <h2 dir="auto">${name}</h2>
      <span class="chip ${isLate ? 'warn' : 'good'}">
        <${Icon} name=${isLate ? 'clock' : 'check'} />Last seen ${ago(age_s)}
      </span>
    </header>
    <${Clock} device=${device} />
    <div class="row spread">
      <${Segments}
        legend=${`How far back for ${name}`}
        name=${`range-${name}`}
        options=${RANGES}
        chosen=${range.id}
        choose=${(id) => setRange(RANGES.find((one) => one.id === id))}
      />
      <${Export} name=${name} range=${range} />
    </div>
    <${ErrorNote} error=${error} />
    <div class="charts">
      ${Object.entries(values).map(
        ([id, value]) => html`<${Chart}
          key=${id}
          title=${sensorName(id)}
          value=${value}
          unit=${own(device.units, id)}
          missingSince=${own(missing_since, id)}
          series=${series && (series.get(id) ?? [])}
          range=${range}
        />`,
      )}
    </div>
    ${
      never.length > 0 &&
      html`<${Note} tone="warn" icon="alert">
        Never came: ${never.map(sensorName).join(', ')}. The sensor may be missing or not connected.
      </${Note}>`
    }
    <${Health} health=${health} />
  </section>`;
}

function Clock({ device: { time_is_sure, last_synchronisation } }) {
  if (!time_is_sure) {
    return html`<${Note}>The device did not know the time: readings are dated by their arrival.</${Note}>`;
  }
  if (last_synchronisation === null) return undefined;
  return html`<p class="small muted">Its clock was set ${time(last_synchronisation)}</p>`;
}

function Export({ name, range }) {
  const [done, setDone] = useState(0);
  const { busy, error, run } = useAction(async () => {
    save(await exportCsv(name, range.hours, setDone), `${name}.csv`);
  });
  return html`<div class="row">
    <button class="button small" disabled=${busy} onClick=${() => run()}>
      <${Icon} name="down" />${busy ? `Exporting… ${Math.floor(100 * done)} %` : 'Export as CSV'}
    </button>
    <${ErrorNote} error=${error} />
  </div>`;
}

/** For each sensor its rows, oldest first. */
function useSeries(device, range, turn) {
  const [series, setSeries] = useState();
  const [error, setError] = useState();
  useEffect(() => {
    let current = true;
    const from = new Date(Date.now() - range.hours * 3_600_000).toISOString();
    const path = query('/sensor', { device, from, every: range.every, limit: 20_000 });
    const show = (change) => (rows) => current && change(rows);
    ask('GET', path).then(
      show((rows) => {
        setSeries(Map.groupBy(rows, ({ name }) => name));
        setError(undefined);
      }),
      show((cause) => setError(refusal(cause))),
    );
    return () => {
      current = false;
    };
  }, [device, range, turn]);
  return { series, error };
}
