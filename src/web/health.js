/** How a device is. Errors of the line are noise; errors of the key are a wrong key or an attack. */
import { number, size } from './format.js';
import { html } from './html.js';
import { sensorName } from './words.js';

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
        ]) => html`<div key=${name} class=${value > 0 && WORRIES.includes(name) ? 'tile worry' : 'tile'}>
          <dt>${sensorName(name)}</dt>
          <dd>${BYTES.includes(name) ? size(value) : number(value)}</dd>
        </div>`,
      )}
    </dl>
  </section>`;
}
