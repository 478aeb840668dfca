/** Two histograms over each other. */
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { colorsOf } from './colors.js';
import { html } from './html.js';

const HEIGHT = 180;

export function HistogramPlot({ before, after }) {
  const place = useRef();
  useEffect(() => {
    const element = place.current;
    const colors = colorsOf(element);
    const values = before.map((_count, value) => value);
    const width = Math.max(200, element.clientWidth);
    const plot = new UPlot(
      options(width, colors),
      [values, before.map(drawable), after.map(drawable)],
      element,
    );
    const observer = new ResizeObserver(([entry]) => {
      plot.setSize({ width: Math.max(200, entry.contentRect.width), height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [before, after]);
  const label = 'Both histograms over each other; the figures below say how far they differ';
  return html`<div class="plot" ref=${place} role="img" aria-label=${label}></div>`;
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7];
const SHORT = new Intl.NumberFormat('en', { notation: 'compact' });
const short = (count) => SHORT.format(count);

/** A logarithm has no zero. */
function drawable(count) {
  return Math.max(1, count);
}

function options(width, colors) {
  const axis = {
    stroke: () => colors.text,
    font: '12px system-ui, sans-serif',
    grid: { stroke: () => colors.grid, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false, range: [0, 255] }, y: { distr: 3 } },
    axes: [
      { ...axis, size: 26, space: 50 },
      {
        ...axis,
        size: 48,
        splits: () => POWERS,
        filter: (_plot, powers) => powers,
        values: (_plot, powers) => powers.map(short),
      },
    ],
    series: [
      {},
      { stroke: () => colors.muted, fill: () => colors.grid, width: 1, points: { show: false } },
      { stroke: () => colors.line, width: 1.75, points: { show: false } },
    ],
  };
}
