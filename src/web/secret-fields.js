/** Passphrases in a form: the present one where there is one, and a new one twice. */
import { html } from './html.js';

/** Why the form cannot be sent, for an ErrorNote; undefined if it can. */
export function mismatch({ passphrase, repeated }) {
  if (passphrase === repeated) return undefined;
  return { text: 'The two new passphrases are not the same.' };
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
export function secretsOf(form) {
  const { current, passphrase, repeated } = Object.fromEntries(new FormData(form));
  return { current, passphrase, repeated };
}
