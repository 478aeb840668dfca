/** One contact: how it stands, what to do next, and what can be done. */
import { useId, useState } from 'preact/hooks';
import { ErrorNote, Note, useAction } from './action.js';
import { ask } from './api.js';
import { Comparison } from './comparison.js';
import { Fingerprint } from './fingerprint.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { load } from './live.js';
import { notify } from './store.js';
import { standing } from './words.js';

const TONE_ICONS = { good: 'check', warn: 'clock', bad: 'alert', '': 'info' };
const LABELS = { keys: 'Send keys', renew: 'Renew keys', anew: 'Meet anew' };

export function ContactCard({ contact }) {
  const { name, address, last_error } = contact;
  const title = useId();
  const { word, tone, todo, action } = standing(contact);
  const keys = useAction(async (again) => {
    const { state } = await ask('POST', '/send_keys', { to: name, ...(again && { again }) });
    if (state === 'established') notify(`Fresh keys with ${inWords(name)}.`);
    else notify(`Keys are on their way to ${inWords(name)}. Now it is their turn.`);
    await load();
  });
  // What went wrong stands on the card already, and what to do.
  const isTold = contact.failure !== undefined && keys.error?.code === 'refused_by_contact';
  return html`<article class="card contact" tabindex="-1" aria-labelledby=${title}>
    <div class="card-head">
      <h3 id=${title} class="contact-name" dir="auto">${name}</h3>
      <span class="chip ${tone}"><${Icon} name=${TONE_ICONS[tone]} />${word}</span>
      <p class="contact-address muted small">
        ${address === undefined ? 'Cannot be called; it calls us' : html`<code>${address}</code>`}
      </p>
    </div>
    ${todo && (tone === 'bad' ? html`<${Note} tone="bad" icon="alert">${todo}</${Note}>` : html`<p>${todo}</p>`)}
    ${
      last_error &&
      contact.state === 'paired' &&
      html`<${Note} tone="warn" icon="alert">
        ${inWords(name)} does not answer at its address right now. What is queued waits, and goes by itself
        as soon as ${inWords(name)} is there.
      </${Note}>`
    }
    ${action === 'compare' && html`<${Comparison} contact=${contact} />`}
    <${ErrorNote} error=${isTold ? undefined : keys.error} />
    <div class="row spread">
      <div class="row">
        ${
          LABELS[action] &&
          html`<button
            class="button ${action === 'renew' ? '' : 'primary'}"
            disabled=${keys.busy}
            onClick=${() => keys.run(action === 'anew')}
          >
            ${keys.busy ? 'Sending keys…' : LABELS[action]}
            <span class="hidden"> with ${name}</span>
          </button>`
        }
        ${
          contact.state === 'paired' &&
          html`<a class="button" href=${`#/messages/${encodeURIComponent(name)}`}>
            Messages<span class="hidden"> with ${name}</span>
          </a>`
        }
      </div>
    </div>
    <details>
      <summary>Fingerprint and more<span class="hidden"> of ${name}</span></summary>
      <${More} contact=${contact} anew=${() => keys.run(true)} />
    </details>
  </article>`;
}

/** The question takes the place of the button that has asked it. */
function focusNow(element) {
  element?.focus();
}

function More({ contact, anew }) {
  const { name, state, session, fingerprint, key_check } = contact;
  const [sure, setSure] = useState(false);
  const remove = useAction(async () => {
    await ask('DELETE', `/contacts/${encodeURIComponent(name)}`);
    notify(`${inWords(name)} was removed. What it has sent stays.`);
    await load();
  });
  return html`<div class="stack">
    ${
      fingerprint &&
      html`<div class="stack-tight">
        <span class="small muted">Long fingerprint, the same on both sides</span>
        <${Fingerprint} digits=${fingerprint} />
      </div>`
    }
    ${key_check && html`<p class="small muted">Key check value of the code <code>${key_check}</code></p>`}
    <p class="small muted">
      Session: ${{ none: 'none at the moment; made when it is needed', current: 'established', to_be_renewed: 'will be renewed' }[session]}
    </p>
    <${ErrorNote} error=${remove.error} />
    <div class="row">
      ${state === 'paired' && html`<button class="button small" onClick=${anew}>Meet anew</button>`}
      ${
        sure
          ? html`<span class="row" role="group" aria-label=${`Remove ${name}?`}>
              <button class="button small danger" disabled=${remove.busy} onClick=${() => remove.run()}>
                Yes, remove ${inWords(name)}
              </button>
              <button class="button small" ref=${focusNow} onClick=${() => setSure(false)}>Keep</button>
            </span>`
          : html`<button class="button small danger" onClick=${() => setSure(true)}>Remove…</button>`
      }
    </div>
    ${
      sure &&
      html`<p class="small muted">
        Removing forgets the keys and what waits to be sent to ${inWords(name)}. What it has sent stays.
      </p>`
    }
  </div>`;
}
