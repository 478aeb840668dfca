/** One sensor over time: mean as a line, least and most as a band; what is missing is a gap. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import { colorsOf } from './colors.js';
import { axisTime, measured, number, plural, time } from './format.js';
import { html } from './html.js';
import { unitFactor, unitName } from './words.js';

const HEIGHT = 160;
const NONE = [];
/** So many times the usual pace without a reading is a gap. */
const GAP_PACES = 3;

/**
 * @param value the newest, in the unit that is told beside it.
 * @param series undefined as long as it is being loaded.
 */
export function Chart({ title, value, unit: told, missingSince, series: given, range }) {
  const rows = given ?? NONE;
  const series = useMemo(() => rows.map(scaled), [rows]);
  const unit = unitName(told);
  const data = useMemo(() => columns(series, range.every), [series, range]);
  const [pointed, setPointed] = useState();
  const summary = series.length === 0 ? '' : summaryOf(series, unit);
  const point = pointed !== undefined && pointOf(data, pointed, unit);
  return html`<figure class="chart">
    <figcaption>
      <span class="chart-title">${title}</span>
      <span class="chart-value">${measured(value / unitFactor(told))} <small>${unit}</small></span>
    </figcaption>
    ${missingSince && html`<p class="small state warn">Not in the newest reading; last ${time(missingSince)}</p>`}
    ${
      series.length === 0
        ? html`<p class="chart-empty muted small">${given && 'No readings in this range'}</p>`
        : html`<${Plot}
            data=${data}
            range=${range}
            label=${`${title} over ${range.label}: ${summary}${gapsOf(data)}`}
            onPoint=${setPointed}
          />`
    }
    <p class="chart-range small muted">${point || summary}</p>
  </figure>`;
}

function scaled({ at, unit, mean, min = mean, max = mean }) {
  const factor = unitFactor(unit);
  return { at, unit, mean: mean / factor, min: min / factor, max: max / factor };
}

function summaryOf(series, unit) {
  const least = Math.min(...series.map(({ min }) => min));
  const most = Math.max(...series.map(({ max }) => max));
  return `Between ${measured(least)} and ${measured(most)} ${unit}`;
}

function gapsOf([, mean]) {
  const gaps = mean.filter((value) => value === null).length;
  return gaps === 0 ? '' : `, with ${plural(gaps, 'gap')}`;
}

/** What stands under the pointer; nothing in a gap. */
function pointOf([at, mean, least, most], index, unit) {
  if (mean[index] == null) return '';
  const spread = most[index] - least[index];
  const band = spread > 0 ? ` (${measured(least[index])} to ${measured(most[index])})` : '';
  return `${time(at[index] * 1_000)}: ${measured(mean[index])}${band} ${unit}`;
}

/** Seconds that are a gap: a device has its own pace, and a point stands for `step` at least. */
function gapOf(series, step) {
  const times = series.map(({ at }) => new Date(at).getTime() / 1_000);
  const paces = times.slice(1).map((seconds, index) => seconds - times[index]);
  const usual = paces.sort((one, other) => one - other)[Math.floor(paces.length / 2)] ?? step;
  return GAP_PACES * Math.max(step, usual);
}

/** uPlot's columns: seconds, mean, least, most; a null wherever a stretch is missing. */
function columns(series, step) {
  const gap = gapOf(series, step);
  const [at, mean, least, most] = [[], [], [], []];
  for (const row of series) {
    const seconds = new Date(row.at).getTime() / 1_000;
    const before = at.at(-1);
    if (before !== undefined && seconds - before > gap) {
      at.push(before + step);
      for (const column of [mean, least, most]) column.push(null);
    }
    at.push(seconds);
    mean.push(row.mean);
    least.push(row.min);
    most.push(row.max);
  }
  return [at, mean, least, most];
}

function Plot({ data, range, label, onPoint }) {
  const place = useRef();
  const plot = useRef();
  useEffect(() => {
    const colors = colorsOf(place.current);
    const width = Math.max(200, place.current.clientWidth);
    plot.current = new UPlot(options(width, colors, range, onPoint), data, place.current);
    const observer = new ResizeObserver(([entry]) => {
      plot.current?.setSize({ width: Math.max(200, entry.contentRect.width), height: HEIGHT });
    });
    observer.observe(place.current);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolor = () => Object.assign(colors, colorsOf(place.current)) && plot.current?.redraw();
    scheme.addEventListener('change', recolor);
    return () => {
      scheme.removeEventListener('change', recolor);
      observer.disconnect();
      plot.current?.destroy();
      onPoint(undefined);
    };
  }, [range]);
  useEffect(() => {
    const now = Date.now() / 1_000;
    plot.current?.setData(data, false);
    plot.current?.setScale('x', { min: now - range.hours * 3_600, max: now });
  }, [data, range]);
  return html`<div class="plot" ref=${place} role="img" aria-label=${label}></div>`;
}

function options(width, colors, { hours }, onPoint) {
  const axis = {
    stroke: () => colors.text,
    font: '12px system-ui, sans-serif',
    grid: { stroke: () => colors.grid, width: 1 },
    ticks: { show: false },
  };
  const band = (alpha) => () => colors.line.replace('rgb(', 'rgba(').replace(')', `, ${alpha})`);
  return {
    width,
    height: HEIGHT,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
    scales: { y: { range: (_plot, min, max) => padded(min, max) } },
    axes: [
      {
        ...axis,
        space: 70,
        size: 26,
        values: (_plot, ticks) => ticks.map((tick) => axisTime(tick, hours)),
      },
      { ...axis, size: 54, space: 28, values: (_plot, ticks) => ticks.map((tick) => number(tick)) },
    ],
    series: [
      {},
      { stroke: () => colors.line, width: 1.75, points: { size: 4 } },
      { stroke: 'transparent', points: { show: false } },
      { stroke: 'transparent', points: { show: false } },
    ],
    bands: [{ series: [3, 2], fill: band(0.16) }],
  };
}

/** A flat line stands in the middle. */
function padded(min, max) {
  if (min === null || max === null) return [0, 1];
  const room = (max - min) * 0.1 || Math.max(0.5, Math.abs(max) * 0.02);
  return [min - room, max + room];
}
