/** One of a few, side by side. */
import { html } from './html.js';

/** @param options each `{ id, label, short? }`; `short` is the start of `label`. */
export function Segments({ legend, name, options, chosen, choose }) {
  return html`<fieldset class="segments">
    <legend class="hidden">${legend}</legend>
    ${options.map(
      ({
        id,
        label,
        short = label,
      }) => html`<label key=${id} class=${id === chosen ? 'chosen' : ''}>
        <input type="radio" name=${name} aria-label=${label} checked=${id === chosen} onChange=${() => choose(id)} />
        <span aria-hidden="true">${short}<span class="long">${label.slice(short.length)}</span></span>
      </label>`,
    )}
  </fieldset>`;
}
