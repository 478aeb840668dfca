/** A picture before and after, and how often each value of a sample occurs in both. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote } from './action.js';
import { count } from './format.js';
import { difference, histogramOf } from './histogram.js';
import { DifferencePlot, HistogramPlot } from './histogram-plot.js';
import { html } from './html.js';
import { samplesOf } from './png.js';

export function Preview({ before, after }) {
  const [seen, setSeen] = useState();
  const [error, setError] = useState();
  useEffect(() => {
    let current = true;
    compare(before, after).then(
      (result) => current && setSeen(result),
      () => current && setError({ text: 'This browser cannot show the picture.' }),
    );
    return () => {
      current = false;
    };
  }, [before, after]);
  return html`<div class="stack">
    <div class="pictures">
      <${Shown} blob=${before} title="Before" />
      <${Shown} blob=${after} title="After" />
    </div>
    <${ErrorNote} error=${error} />
    ${
      seen &&
      html`<figure class="chart">
        <figcaption>
          <span class="chart-title">Histogram: how often each sample value occurs, logarithmic</span>
          <span class="chart-value">${seen.decibels} <small>dB PSNR</small></span>
        </figcaption>
        <${HistogramPlot} before=${seen.before} after=${seen.after} />
        <p class="small legend">
          <span class="key before"></span>before <span class="key after"></span>after
        </p>
        <p class="small chart-title">After less before: how much more or less often</p>
        <${DifferencePlot} before=${seen.before} after=${seen.after} />
        <p class="small muted">${seen.changed}</p>
      </figure>`
    }
  </div>`;
}

async function compare(before, after) {
  const [one, other] = [await samplesOf(before), await samplesOf(after)];
  const { decibels, changed, most, peak } = difference(one, other);
  return {
    before: histogramOf(one),
    after: histogramOf(other),
    decibels: Number.isFinite(decibels) ? decibels.toFixed(1) : '∞',
    changed: `${count(changed)} of ${count(one.samples.length)} samples differ, none by more than ${most} of ${count(peak)}.`,
  };
}

function Shown({ blob, title }) {
  const [url, setUrl] = useState();
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return html`<figure class="shown">
    ${url && html`<img src=${url} alt=${`The picture ${title.toLowerCase()}`} />`}
    <figcaption class="small muted">${title}</figcaption>
  </figure>`;
}
