/** Another passphrase for this peer's data. */
import { ErrorNote, Note } from './action.js';
import { ask } from './api.js';
import { html } from './html.js';
import { load } from './live.js';
import { SecretFields, useSecretForm } from './secret-fields.js';
import { notify } from './store.js';

export function PassphraseForm({ protectedBy }) {
  const { busy, error, submit } = useSecretForm(async (secrets) => {
    await ask('POST', '/passphrase', secrets);
    notify('The new passphrase holds. This peer asks for it at its next start.');
    await load();
  });
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h2>Passphrase</h2>
      <p class="muted small">
        ${
          protectedBy === 'passphrase'
            ? 'Opens the data of this peer at its start. A copy of the old key file still opens with the old one.'
            : 'The key to this peer’s data lies in a file beside it. With a passphrase a stolen disk tells nothing.'
        }
      </p>
    </div>
    ${
      protectedBy === 'key file' &&
      html`<${Note} tone="warn" icon="key">From then on the peer needs it at every start: <code>--passphrase-file</code>, or <code>SOTTO_PASSPHRASE</code>.</${Note}>`
    }
    <${SecretFields} protectedBy=${protectedBy} label="New passphrase" />
    <${ErrorNote} error=${error} />
    <button class="button" disabled=${busy}>
      ${busy ? 'Working…' : protectedBy === 'passphrase' ? 'Change the passphrase' : 'Set a passphrase'}
    </button>
  </form>`;
}
