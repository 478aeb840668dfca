/** What a cover can hold, and how it would look, before anything is hidden in it. */
import { useEffect, useState } from 'preact/hooks';
import { Note } from './action.js';
import { askBytes, query } from './api.js';
import { contentSize } from './content-field.js';
import { size } from './format.js';
import { html } from './html.js';
import { refusal } from './words.js';

/** A person who types is not asked about with every key. */
const REST_MS = 400;

/** Asked again when the cover, or the size of what goes in, has changed. */
export function useForecast(png, bytes) {
  const [state, setState] = useState({});
  useEffect(() => {
    if (png === undefined) {
      setState({});
      return undefined;
    }
    const end = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const path = query('/pictures/capacity', { size: bytes });
        const answer = JSON.parse(await (await askBytes('POST', path, undefined, png)).text());
        if (!end.signal.aborted) setState({ png, answer });
      } catch (cause) {
        if (!end.signal.aborted) setState({ png, error: refusal(cause) });
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [png, bytes]);
  // What was said of another cover is not true of this one.
  return state.png === png ? state : {};
}

export function Forecast({ forecast, content }) {
  const { width, height, bytes: room, psnr_dB, warnings, pixels_needed } = forecast;
  const bytes = contentSize(content);
  const side = pixels_needed && Math.ceil(Math.sqrt(pixels_needed));
  return html`<dl class="facts small">
      <dt>Cover</dt>
      <dd>${width} × ${height} pixels</dd>
      <dt>Holds</dt>
      <dd>${size(room)}; the ${content.file === undefined ? 'text' : 'file'} has ${size(bytes)}</dd>
      <dt>Likeness (PSNR)</dt>
      <dd>${psnr_dB == null ? '–' : `about ${psnr_dB.toFixed(1)} dB (above 50 no eye sees it)`}</dd>
    </dl>
    ${
      bytes > room &&
      html`<${Note} tone="bad" icon="alert">
        It does not fit.${side ? ` A picture like it of about ${side} × ${side} pixels would do.` : ' Take a larger one.'}
      </${Note}>`
    }
    ${warnings.map((warning) => html`<${Note} key=${warning} tone="warn" icon="alert">${sentence(warning)}</${Note}>`)}`;
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
