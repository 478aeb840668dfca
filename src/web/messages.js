/** Conversations: who, and what was said with the one that is chosen. */
import { useEffect, useRef } from 'preact/hooks';
import { Empty, Note } from './action.js';
import { TokenForm } from './gate.js';
import { html } from './html.js';
import { LetterField } from './letter-field.js';
import { useStore } from './store.js';
import { Talk } from './talk.js';

export function Messages({ show, rest }) {
  const shown = useStore((state) => state.identity?.token_shown);
  const paired = show.contacts.filter(({ state, unopened }) => state === 'paired' || unopened > 0);
  const chosen = paired.find(({ name }) => name === rest) ?? paired[0];
  useEffect(() => {
    if (chosen !== undefined && chosen.name !== rest) {
      history.replaceState(null, '', `#/messages/${encodeURIComponent(chosen.name)}`);
    }
  }, [chosen?.name, rest]);
  return html`<div class="view">
    <header class="view-head row spread">
      <h1 tabindex="-1">Messages</h1>
      ${chosen && html`<${LetterField} />`}
    </header>
    ${shown === false && html`<${NoToken} />`}
    ${
      chosen === undefined
        ? html`<${Empty} icon="messages" title="Nobody to write to yet">
            First <a href="#/pair">pair</a> with somebody. After that everything between you is
            sealed on its way and on the disk.
          </${Empty}>`
        : html`<div class="talks">
            <${People} contacts=${paired} chosen=${chosen.name} />
            <${Talk} key=${chosen.name} contact=${chosen} />
          </div>`
    }
  </div>`;
}

function People({ contacts, chosen }) {
  const list = useRef();
  useEffect(() => {
    const place = list.current.querySelector('[aria-current]');
    place?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [chosen]);
  return html`<nav ref=${list} class=${contacts.length === 1 ? 'people only-one' : 'people'} aria-label="Conversations">
    ${contacts.map(
      ({ name, unopened, verified }) => html`<a
        key=${name}
        href=${`#/messages/${encodeURIComponent(name)}`}
        aria-current=${name === chosen ? 'true' : undefined}
      >
        <span class="avatar" aria-hidden="true">${[...name][0]?.toUpperCase()}</span>
        <span class="people-name" dir="auto">${name}</span>
        ${unopened > 0 && html`<span class="count">${unopened}<span class="hidden"> to open</span></span>`}
        ${!verified && html`<span class="hidden">, not compared</span>`}
      </a>`,
    )}
  </nav>`;
}

/** The demonstration lets anybody at this machine act, but not read. */
function NoToken() {
  return html`<div class="stack">
    <${Note} tone="warn" icon="lock">
      This is the demonstration: anybody at this computer can operate this peer, so what is in the
      messages shows on its terminal, and here only after its link was opened.
    </${Note}>
    <details><summary>Enter the link</summary><${TokenForm} /></details>
  </div>`;
}
