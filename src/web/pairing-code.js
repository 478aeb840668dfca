/** A pairing code to give away, as text and as QR. Used once, within ten minutes. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote, Note, useAction } from './action.js';
import { ask } from './api.js';
import { plural } from './format.js';
import { html } from './html.js';
import { Qr } from './qr.js';
import { notify } from './store.js';

export function PairingCode({ contacts, address }) {
  const [made, setMade] = useState();
  const make = useAction(async () => {
    const { code, expires } = await ask('POST', '/pair');
    setMade({ code, expires_ms: new Date(expires).getTime(), verified: verifiedOf(contacts) });
  });
  const isUsed =
    made !== undefined && verifiedOf(contacts).some((name) => !made.verified.includes(name));
  const seconds = useSecondsUntil(made?.expires_ms);
  const isOver = made !== undefined && (isUsed || seconds <= 0);
  useEffect(() => {
    if (isOver) setMade(undefined);
  }, [isOver]);
  return html`<section class="card" aria-labelledby="give-title">
    <div class="stack-tight">
      <h3 id="give-title">Give a pairing code</h3>
      <p class="muted small">Whoever enters it on the other side is verified, and so are you. It is a secret until then.</p>
    </div>
    <${ErrorNote} error=${make.error} />
    ${made === undefined || isOver ? undefined : html`<${Shown} code=${made.code} seconds=${seconds} />`}
    ${
      address === undefined &&
      html`<${Note} tone="warn">This peer has no address that others can call: the other side has to make the code.</${Note}>`
    }
    ${
      made !== undefined &&
      isHere(address) &&
      html`<p class="small muted">
        This peer is called at <code>${address}</code>, which leads here from this computer only. For
        a peer elsewhere start it with <code>--host</code> and <code>--address</code>.
      </p>`
    }
    <button class="button ${made ? '' : 'primary'}" disabled=${make.busy} onClick=${() => make.run()}>
      ${made === undefined ? 'Make a pairing code' : 'Make another one'}
    </button>
  </section>`;
}

function Shown({ code, seconds }) {
  const copy = useAction(async () => {
    // A page that came over the network by plain HTTP may not copy.
    if (navigator.clipboard === undefined) throw new Error(BY_HAND);
    await navigator.clipboard.writeText(code);
    notify('The pairing code is copied.');
  });
  return html`<div class="pairing">
    <${Qr} text=${code} label="The pairing code as a QR code" />
    <div class="stack">
      <p class="pairing-text mono">${code}</p>
      <div class="row">
        <button class="button small" onClick=${() => copy.run()}>Copy</button>
        <span class="small muted" role="timer">
          ${seconds >= 60 ? `${plural(Math.ceil(seconds / 60), 'minute')} left` : `${seconds} s left`}
        </span>
      </div>
      <${ErrorNote} error=${copy.error} />
    </div>
  </div>`;
}

function isHere(address = '') {
  return /^http:\/\/(localhost|127\.[\d.]+|\[::1\]):/.test(address);
}

const BY_HAND =
  'The browser does not let this page copy. Click on the code to select it, and copy it yourself.';

function verifiedOf(contacts) {
  return contacts.filter(({ verified }) => verified).map(({ name }) => name);
}

function useSecondsUntil(end_ms) {
  const secondsLeft = () => Math.max(0, Math.ceil(((end_ms ?? 0) - Date.now()) / 1_000));
  const [seconds, setSeconds] = useState(secondsLeft);
  useEffect(() => {
    if (end_ms === undefined) return undefined;
    setSeconds(secondsLeft());
    const timer = setInterval(() => setSeconds(secondsLeft()), 1_000);
    return () => clearInterval(timer);
  }, [end_ms]);
  // The first drawing after a code was made comes before the effect.
  return end_ms === undefined ? 0 : seconds || secondsLeft();
}
