/** What anybody may see of this peer, and the way in for its own person. */
import { useState } from 'preact/hooks';
import { ErrorNote, fieldsOf, useAction } from './action.js';
import { ask } from './api.js';
import { html } from './html.js';
import { load } from './live.js';
import { SelfFacts } from './self-facts.js';
import { refusal } from './words.js';

export function Gate({ show }) {
  const [wrongLink] = useState(() => new URLSearchParams(location.search).has('token'));
  return html`<main class="gate">
    <header class="gate-head">
      <img src="/web/icon.svg" alt="" />
      <h1 tabindex="-1">${show.name}</h1>
      <p class="muted">A Sotto peer. This is what anybody may see of it.</p>
    </header>
    <section class="card"><${SelfFacts} show=${show} /></section>
    <${TokenForm} wrongLink=${wrongLink} />
  </main>`;
}

/** The token, or the whole link that holds it. */
export function TokenForm({ wrongLink = false }) {
  const { busy, error, run } = useAction(async (token) => {
    await ask('POST', '/session', { token });
    // A token in the address would stay in the browser's history.
    history.replaceState(null, '', location.pathname + location.hash);
    await load();
  });
  const submit = (event) => {
    event.preventDefault();
    const { link = '' } = fieldsOf(event.currentTarget);
    void run(/[?&]token=([^&#]+)/.exec(link)?.[1] ?? link);
  };
  const refused = error ?? (wrongLink ? refusal({ code: 'token_wrong' }) : undefined);
  return html`<form class="card" onSubmit=${submit}>
    <div class="stack-tight">
      <h2>Is it yours?</h2>
      <p class="muted">
        Open the link that this peer printed when it started, or paste it here. It is new after
        each start.
      </p>
    </div>
    <${ErrorNote} error=${refused} />
    <label class="field">
      <span>Link or token</span>
      <input class="mono" type="password" name="link" required autocomplete="off" />
    </label>
    <button class="button primary" disabled=${busy}>Open</button>
  </form>`;
}
