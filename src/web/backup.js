/** All that this peer is, as one file: what `sotto backup` makes. */
import { ErrorNote, Note, useAction } from './action.js';
import { askBytes } from './api.js';
import { html } from './html.js';
import { save } from './save.js';
import { getState, notify } from './store.js';

export function Backup({ protectedBy }) {
  const { busy, error, run } = useAction(async () => {
    const file = await askBytes('POST', '/backup');
    const day = new Date().toISOString().slice(0, 10);
    save(file, `${getState().show.name}-${day}.tar`);
    notify('The backup is saved. Keep it where nobody else can take it.');
  });
  return html`<section class="card" aria-labelledby="backup-title">
    <div class="stack-tight">
      <h2 id="backup-title">Back up everything</h2>
      <p class="muted small">
        Identity, contacts, messages and readings in one encrypted file.${' '}
        ${protectedBy === 'passphrase' && 'The passphrase of this peer opens it. '}
        To take it back: <code>sotto backup --restore FILE</code>. Stop this peer for good first; two
        must not run as one.
      </p>
    </div>
    ${
      protectedBy === 'key file' &&
      html`<${Note} tone="warn" icon="key">
        The key lies inside: whoever has this file can read all of it. Set a passphrase first, and
        the file tells nothing without it.
      </${Note}>`
    }
    <${ErrorNote} error=${error} />
    <button class="button" disabled=${busy} onClick=${() => run()}>
      ${busy ? 'Copying…' : 'Save a backup'}
    </button>
  </section>`;
}
