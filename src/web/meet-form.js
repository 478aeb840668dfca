/** To meet by a code that the other side has made, or by an address and a comparison. */
import { useId } from 'preact/hooks';
import { ErrorNote, fieldsOf, useAction } from './action.js';
import { ask } from './api.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { load } from './live.js';
import { notify } from './store.js';

export function MeetForm() {
  return html`<${ByCode} /><${ByAddress} />`;
}

function useSendKeys() {
  return useAction(async (fields, form) => {
    assertShort(fields.to ?? '');
    const { to, state, verified } = await ask('POST', '/send_keys', fields);
    if (state === 'waiting')
      notify(`Keys are on their way to ${inWords(to)}. Now it is their turn.`);
    else if (!verified) notify(`Met ${inWords(to)}. Now compare the six digits.`);
    form.reset();
    await load();
  });
}

/** A letter takes one byte in English, two in Arabic, and four as a picture. */
const NAME_BYTES_MAX = 64;

function assertShort(name) {
  if (new TextEncoder().encode(name).length <= NAME_BYTES_MAX) return;
  throw new Error('This name is too long. Take a shorter one.');
}

/** As people read it to each other: without what stands before it, and with a stroke behind it. */
function wholeAddress({ address, ...rest }) {
  const plain = address.replace(/\/+$/, '');
  return { ...rest, address: plain.includes('://') ? plain : `http://${plain}` };
}

const NO_ADDRESS =
  'This code tells no address. Copy all of it, with the @ and what follows; or enter below the name of the contact that has made it.';

function ByCode() {
  const { busy, error, run } = useSendKeys();
  const isShort = ['ambiguous_contact', 'no_contact'].includes(error?.code);
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
      <input type="text" name="to" maxlength="64" dir="auto" autocomplete="off" />
    </label>
    <${ErrorNote} error=${isShort ? { ...error, text: NO_ADDRESS } : error} />
    <button class="button primary" disabled=${busy}>${busy ? 'Pairing…' : 'Pair'}</button>
  </form>`;
}

function ByAddress() {
  const hint = useId();
  const { busy, error, run } = useSendKeys();
  const submit = (event) => {
    event.preventDefault();
    void run(wholeAddress(fieldsOf(event.currentTarget)), event.currentTarget);
  };
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h3>Meet by address</h3>
      <p class="muted small">Both sides send keys, then people compare six digits.</p>
    </div>
    <label class="field">
      <span>Name</span>
      <input type="text" name="to" required maxlength="64" dir="auto" autocomplete="off" />
    </label>
    <label class="field">
      <span>Address</span>
      <input class="mono" type="text" inputmode="url" name="address" required maxlength="255" placeholder="http://192.168.1.7:5000" autocomplete="off" autocapitalize="off" spellcheck=${false} aria-describedby=${hint} />
      <small id=${hint}>The other peer's page shows it under “This peer”.</small>
    </label>
    <${ErrorNote} error=${error} />
    <button class="button" disabled=${busy}>${busy ? 'Sending keys…' : 'Send keys'}</button>
  </form>`;
}
