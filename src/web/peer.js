/** This peer: who it is, what waits, what it refused, and what protects it. */
import { useEffect } from 'preact/hooks';
import { ask } from './api.js';
import { Backup } from './backup.js';
import { size } from './format.js';
import { html } from './html.js';
import { IdentityForm } from './identity-form.js';
import { load } from './live.js';
import { PassphraseForm } from './passphrase-form.js';
import { SelfFacts } from './self-facts.js';
import { useStore } from './store.js';
import { REFUSED_PACKETS } from './words.js';

/** Nobody is told of a refusal as it happens: a flood of them would flood every page. */
const REFRESH_MS = 10_000;

export function PeerView({ show }) {
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const identity = useStore((state) => state.identity);
  return html`<div class="view">
    <header class="view-head">
      <h1 tabindex="-1">This peer</h1>
      <p class="muted">Who it is, what waits to be sent, and what it has refused.</p>
    </header>
    <div class="columns">
      <div class="stack">
        <section class="card" aria-labelledby="who-title">
          <h2 id="who-title">Identity</h2>
          <${SelfFacts} show=${show} />
        </section>
        <${Queue} contacts=${show.contacts} />
        <${Refused} refused=${show.refused} />
      </div>
      <div class="stack">
        <${PassphraseForm} protectedBy=${identity?.protected_by} />
        <${Backup} protectedBy=${identity?.protected_by} />
        <${IdentityForm} protectedBy=${identity?.protected_by} />
        <${SignOut} shown=${identity?.token_shown} />
      </div>
    </div>
  </div>`;
}

function Queue({ contacts }) {
  const waiting = contacts.filter(({ queued }) => queued.messages > 0);
  return html`<section class="card" aria-labelledby="queue-title">
    <h2 id="queue-title">Queue</h2>
    ${
      waiting.length === 0
        ? html`<p class="muted">Nothing waits. Everything that was sent has arrived.</p>`
        : html`<div class="table-wrap"><table>
            <thead><tr><th scope="col">For</th><th scope="col" class="number">Messages</th><th scope="col" class="number">Size</th></tr></thead>
            <tbody>
              ${waiting.map(
                ({ name, queued, last_error }) => html`<tr key=${name}>
                  <th scope="row"><bdi>${name}</bdi>${last_error && html`<span class="small muted"> · does not answer now</span>`}</th>
                  <td class="number">${queued.messages}</td>
                  <td class="number">${size(queued.bytes)}</td>
                </tr>`,
              )}
            </tbody>
          </table></div>`
    }
  </section>`;
}

function Refused({ refused }) {
  const counted = Object.entries(refused).filter(([, count]) => count > 0);
  return html`<section class="card" aria-labelledby="refused-title">
    <h2 id="refused-title">Refused packets</h2>
    ${
      counted.length === 0
        ? html`<p class="muted">None since this peer was started.</p>`
        : html`<div class="table-wrap"><table>
            <thead><tr><th scope="col">Why</th><th scope="col" class="number">Count</th></tr></thead>
            <tbody>
              ${counted.map(
                ([reason, count]) => html`<tr key=${reason}>
                  <th scope="row">${REFUSED_PACKETS[reason] ?? reason}</th>
                  <td class="number">${count}</td>
                </tr>`,
              )}
            </tbody>
          </table></div>`
    }
  </section>`;
}

function SignOut({ shown }) {
  if (shown !== true) return undefined;
  const end = async () => {
    await ask('DELETE', '/session');
    await load();
  };
  return html`<section class="card" aria-labelledby="session-title">
    <h2 id="session-title">This browser</h2>
    <p class="muted small">May operate this peer until it is closed, or until the peer is started anew.</p>
    <button class="button" onClick=${end}>Sign out</button>
  </section>`;
}
