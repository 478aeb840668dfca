/** The six digits that two people compare: only that shows that nobody sits between them. */
import { ErrorNote, useAction } from './action.js';
import { ask } from './api.js';
import { digits, inWords } from './format.js';
import { html } from './html.js';
import { load } from './live.js';
import { notify } from './store.js';

export function Comparison({ contact: { name, code } }) {
  const { busy, error, run } = useAction(async (differs) => {
    await ask('POST', '/verify', { to: name, code, differs });
    if (differs) {
      notify(
        `The keys with ${inWords(name)} were thrown away. Somebody may sit in between: pair by a code.`,
      );
    }
    await load();
  });
  const spoken = code.split('').join(' ');
  return html`<section class="compare" aria-label=${`Compare with ${name}`}>
    <p>
      Ask ${inWords(name)}, by voice or side by side, which code the other peer shows. Not by a message here.
    </p>
    <p class="code"><span aria-hidden="true">${digits(code)}</span><span class="hidden">${spoken}</span></p>
    <${ErrorNote} error=${error} />
    <div class="row">
      <button class="button primary" disabled=${busy} onClick=${() => run(false)}>They match</button>
      <button class="button danger" disabled=${busy} onClick=${() => run(true)}>They differ</button>
    </div>
  </section>`;
}
