/** Takes a letter or a picture that a person has carried here. */
import { useRef } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { askBytes } from './api.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { load } from './live.js';
import { notify } from './store.js';

export function LetterField() {
  const picker = useRef();
  const { busy, error, run } = useAction(async (file) => {
    const answer = await askBytes('POST', '/receive', undefined, file);
    const { from } = JSON.parse(await answer.text());
    notify(`A letter from ${inWords(from)} was taken. It waits in the conversation, sealed.`);
    await load();
  });
  const chosen = async ({ currentTarget }) => {
    const [file] = currentTarget.files;
    currentTarget.value = '';
    if (file) await run(file);
  };
  return html`<div class="stack letter-field">
    <input ref=${picker} id="letter" class="hidden" type="file" tabindex="-1" aria-hidden="true" onChange=${chosen} />
    <button type="button" class="button small" title="A letter, or a picture, that was carried here by hand" disabled=${busy} onClick=${() => picker.current.click()}>
      <${Icon} name="letter" />${busy ? 'Looking…' : 'Take a letter'}
    </button>
    <${ErrorNote} error=${error} />
  </div>`;
}
