/** To meet by a code that the other side has made, or by an address and a comparison. */
import { useId } from 'preact/hooks';
import { ErrorNote, fieldsOf, useAction } from './action.js';
import { ask } from './api.js';
import { html } from './html.js';
import { load } from './live.js';
import { getState, notify } from './store.js';

export function MeetForm() {
  return html`<${ByCode} /><${ByAddress} />`;
}

function useSendKeys() {
  return useAction(async (fields, form) => {
    assertOther(fields);
    const { to, state, verified } = await ask('POST', '/send_keys', fields);
    if (state === 'waiting') notify(`Keys are on their way to ${to}. Now it is their turn.`);
    else if (!verified) notify(`Met ${to}. Now compare the six digits.`);
    form.reset();
    await load();
  });
}

/** A peer that meets itself would wait for itself. */
function assertOther({ address, code }) {
  const called = address ?? code?.split('@')[1];
  const own = [location.origin, getState().show?.address];
  if (called !== undefined && own.includes(called.replace(/\/$/, ''))) throw new Error(SELF);
}

const SELF = 'This leads to this very peer. Enter what the other side shows.';

function ByCode() {
  const { busy, error, run } = useSendKeys();
  const submit = (event) => {
    event.preventDefault();
    void run(fieldsOf(event.currentTarget), event.currentTarget);
  };
  return html`<form class="card" onSubmit=${submit}>
    <h3>Enter a pairing code</h3>
    <label class="field">
      <span>Code from the other side</span>
      <input class="mono" type="text" name="code" required maxlength="512" autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder="…@http://…" />
    </label>
    <label class="field">
      <span>What you call them <span class="muted">(if you like)</span></span>
      <input type="text" name="to" maxlength="64" autocomplete="off" />
    </label>
    <${ErrorNote} error=${error} />
    <button class="button primary" disabled=${busy}>${busy ? 'Pairing…' : 'Pair'}</button>
  </form>`;
}

function ByAddress() {
  const hint = useId();
  const { busy, error, run } = useSendKeys();
  const submit = (event) => {
    event.preventDefault();
    void run(fieldsOf(event.currentTarget), event.currentTarget);
  };
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h3>Meet by address</h3>
      <p class="muted small">Both sides send keys, then people compare six digits.</p>
    </div>
    <label class="field">
      <span>Name</span>
      <input type="text" name="to" required maxlength="64" autocomplete="off" />
    </label>
    <label class="field">
      <span>Address</span>
      <input class="mono" type="url" name="address" required placeholder="http://192.168.1.7:5000" autocomplete="off" aria-describedby=${hint} />
      <small id=${hint}>The other peer's page shows it under “This peer”.</small>
    </label>
    <${ErrorNote} error=${error} />
    <button class="button" disabled=${busy}>${busy ? 'Sending keys…' : 'Send keys'}</button>
  </form>`;
}
