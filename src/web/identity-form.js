/** This peer's identity as a file that only a passphrase opens. */
import { ErrorNote } from './action.js';
import { askBytes } from './api.js';
import { html } from './html.js';
import { save } from './save.js';
import { SecretFields, useSecretForm } from './secret-fields.js';
import { getState, notify } from './store.js';

export function IdentityForm({ protectedBy }) {
  const { busy, error, submit } = useSecretForm(async (secrets) => {
    const file = await askBytes('POST', '/identity', secrets);
    save(file, `${getState().show.name}.identity`);
    notify('The identity is saved. Keep the file and its passphrase apart.');
  });
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h2>Back up the identity alone</h2>
      <p class="muted small">
        Who has this file and its passphrase is this peer. It holds no messages and no contacts;${' '}
        <code>sotto identity import</code> takes it on another machine.
      </p>
    </div>
    <${SecretFields} protectedBy=${protectedBy} label="Passphrase for the file" />
    <${ErrorNote} error=${error} />
    <button class="button" disabled=${busy}>${busy ? 'Sealing…' : 'Save the identity'}</button>
  </form>`;
}
