/** Passphrases in a form: the present one where there is one, and a new one twice. */
import { useState } from 'preact/hooks';
import { useAction } from './action.js';
import { html } from './html.js';

/**
 * A form of them: `work` gets { current?, passphrase } once both new ones are the same, and the form
 * is emptied when it is done. @returns { busy, error, submit }
 */
export function useSecretForm(work) {
  const [wrong, setWrong] = useState();
  const { busy, error, run } = useAction(async (secrets, form) => {
    await work(secrets);
    form.reset();
  });
  const submit = (event) => {
    event.preventDefault();
    const { current, passphrase, repeated } = secretsOf(event.currentTarget);
    const isSame = passphrase === repeated;
    setWrong(isSame ? undefined : { text: 'The two new passphrases are not the same.' });
    if (isSame) void run({ ...(current && { current }), passphrase }, event.currentTarget);
  };
  return { busy, error: wrong ?? error, submit };
}

export function SecretFields({ protectedBy, label }) {
  return html`
    ${
      protectedBy === 'passphrase' &&
      html`<label class="field">
        <span>Present passphrase</span>
        <input type="password" name="current" required maxlength="1024" autocomplete="current-password" />
      </label>`
    }
    <label class="field">
      <span>${label}</span>
      <input type="password" name="passphrase" required maxlength="1024" autocomplete="new-password" />
    </label>
    <label class="field">
      <span>Once more</span>
      <input type="password" name="repeated" required maxlength="1024" autocomplete="new-password" />
    </label>
  `;
}

/** As typed: a passphrase may begin or end with a space. */
function secretsOf(form) {
  return Object.fromEntries(new FormData(form));
}
