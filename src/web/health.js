/** How a device is. Errors of the line are noise; errors of the key are a wrong key or an attack. */
import { Note } from './action.js';
import { number, size } from './format.js';
import { html } from './html.js';
import { isBadReset, resetReason, sensorName } from './words.js';

const BYTES = ['heap_free', 'stack_free'];
/** What should be zero, and is worth a look if it is not. */
const WORRIES = ['crashes', 'brownouts', 'dropped', 'tag_failures'];

export function Health({ health }) {
  const entries = Object.entries(health);
  if (entries.length === 0) return undefined;
  return html`<section class="stack" aria-label="Health">
    <h3>Health</h3>
    <dl class="tiles">
      ${entries.map(
        ([
          name,
          value,
        ]) => html`<div key=${name} class=${isWorry(name, value) ? 'tile worry' : 'tile'}>
          <dt>${sensorName(name)}</dt>
          <dd>${written(name, value)}</dd>
        </div>`,
      )}
    </dl>
    ${
      health.tag_failures > 0 &&
      html`<${Note} tone="warn" icon="alert">
        Line errors are noise on the cable. Key errors are not: a packet was whole, but made with
        another key. Either the device was paired anew, or somebody is on its line.
      </${Note}>`
    }
  </section>`;
}

function isWorry(name, value) {
  if (name === 'reset_reason') return isBadReset(value);
  return value > 0 && WORRIES.includes(name);
}

function written(name, value) {
  if (name === 'reset_reason') return resetReason(value);
  return BYTES.includes(name) ? size(value) : number(value);
}
