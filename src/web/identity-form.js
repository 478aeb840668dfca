/** This peer's identity as a file that only a passphrase opens. */
import { useState } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { askBytes } from './api.js';
import { html } from './html.js';
import { save } from './save.js';
import { mismatch, SecretFields, secretsOf } from './secret-fields.js';
import { getState, notify } from './store.js';

export function IdentityForm({ protectedBy }) {
  const [wrong, setWrong] = useState();
  const { busy, error, run } = useAction(async ({ current, passphrase }, form) => {
    const file = await askBytes('POST', '/identity', { ...(current && { current }), passphrase });
    save(file, `${getState().show.name}.identity`);
    form.reset();
    notify('The identity is saved. Keep the file and its passphrase apart.');
  });
  const submit = (event) => {
    event.preventDefault();
    const secrets = secretsOf(event.currentTarget);
    setWrong(mismatch(secrets));
    if (mismatch(secrets) === undefined) void run(secrets, event.currentTarget);
  };
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h2>Back up the identity alone</h2>
      <p class="muted small">
        Who has this file and its passphrase is this peer. It holds no messages and no contacts;${' '}
        <code>sotto identity import</code> takes it on another machine.
      </p>
    </div>
    <${SecretFields} protectedBy=${protectedBy} label="Passphrase for the file" />
    <${ErrorNote} error=${wrong ?? error} />
    <button class="button" disabled=${busy}>${busy ? 'Sealing…' : 'Save the identity'}</button>
  </form>`;
}
