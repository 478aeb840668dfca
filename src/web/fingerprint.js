/** Digits in groups of five, as people read them to each other; a line holds three groups or six. */
import { html } from './html.js';

export function Fingerprint({ digits }) {
  const groups = digits.replaceAll(/\s/g, '').match(/.{1,5}/g) ?? [];
  const lines = groups.flatMap((_group, at) => (at % 3 === 0 ? [groups.slice(at, at + 3)] : []));
  return html`<span class="fingerprint">
    ${lines.map((line) => html`<span class="fingerprint-line">${line.join(' ')}</span>`)}
  </span>`;
}
