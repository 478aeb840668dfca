/** Two histograms over each other, and below by how much each value has become more or less often. */
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { colorsOf } from './colors.js';
import { html } from './html.js';

const HEIGHT = 200;
const DIFFERENCE_HEIGHT = 140;

/** The values that occur, of a depth that has too many to show all. */
function rangeOf(before, after) {
  const last = before.length - 1;
  if (last <= 255) return [0, last];
  const occurs = (_count, value) => before[value] > 0 || after[value] > 0;
  return [before.findIndex(occurs), before.findLastIndex(occurs)];
}

export function HistogramPlot({ before, after }) {
  const label = 'Both histograms over each other; the figures below say how far they differ';
  return html`<${Plot} draw=${bothOver} before=${before} after=${after} label=${label} />`;
}

export function DifferencePlot({ before, after }) {
  const label = 'How much more or less often each value occurs after than before';
  return html`<${Plot} draw=${difference} before=${before} after=${after} label=${label} />`;
}

function Plot({ draw, before, after, label }) {
  const place = useRef();
  useEffect(() => {
    const element = place.current;
    const { options, data } = draw(colorsOf(element), before, after);
    options.scales.x = { time: false, range: rangeOf(before, after) };
    const width = Math.max(200, element.clientWidth);
    const values = before.map((_count, value) => value);
    const plot = new UPlot({ ...options, width }, [values, ...data], element);
    const observer = new ResizeObserver(([entry]) => {
      plot.setSize({ width: Math.max(200, entry.contentRect.width), height: options.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [before, after]);
  return html`<div class="plot" ref=${place} role="img" aria-label=${label}></div>`;
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7];
const SHORT = new Intl.NumberFormat('en', { notation: 'compact' });
const short = (count) => SHORT.format(count);

function bothOver(colors, before, after) {
  const axis = axisOf(colors);
  const powers = {
    ...axis,
    size: 48,
    splits: () => POWERS,
    filter: (_plot, all) => all,
    values: (_plot, all) => all.map(short),
  };
  return {
    options: {
      ...common(HEIGHT),
      scales: { y: { distr: 3 } },
      axes: [values(axis), powers],
      series: [
        {},
        { stroke: () => colors.muted, fill: () => colors.grid, width: 1, points: { show: false } },
        { stroke: () => colors.line, width: 1.75, points: { show: false } },
      ],
    },
    data: [before.map(drawable), after.map(drawable)],
  };
}

/** A logarithm has no zero. */
function drawable(count) {
  return Math.max(1, count);
}

function difference(colors, before, after) {
  const axis = axisOf(colors);
  const paths = UPlot.paths.bars({ size: [1, Number.POSITIVE_INFINITY, 1] });
  return {
    options: {
      ...common(DIFFERENCE_HEIGHT),
      scales: { y: { range: aroundZero } },
      axes: [
        values(axis),
        { ...axis, size: 48, space: 24, values: (_plot, all) => all.map(short) },
      ],
      series: [{}, { stroke: () => colors.line, fill: () => colors.line, width: 0, paths }],
    },
    data: [after.map((count, value) => count - before[value])],
  };
}

function values(axis) {
  return {
    ...axis,
    size: 26,
    space: 60,
    label: 'sample value',
    labelFont: axis.font,
    labelSize: 20,
  };
}

function aroundZero(_plot, min, max) {
  const most = Math.max(1, Math.abs(min ?? 0), Math.abs(max ?? 0)) * 1.1;
  return [-most, most];
}

function common(height) {
  return {
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
  };
}

function axisOf(colors) {
  return {
    stroke: () => colors.text,
    font: '12px system-ui, sans-serif',
    grid: { stroke: () => colors.grid, width: 1 },
    ticks: { show: false },
  };
}
