/** Conversations: who, and what was said with the one that is chosen. */
import { useEffect, useRef } from 'preact/hooks';
import { Empty, Note } from './action.js';
import { inWords } from './format.js';
import { TokenForm } from './gate.js';
import { html } from './html.js';
import { LetterField } from './letter-field.js';
import { useStore } from './store.js';
import { Talk } from './talk.js';

/** Of a contact that has met this peer, also if it has forgotten that. */
const KNOWN = ['paired', 'forgotten_by_contact'];

export function Messages({ show, rest }) {
  const shown = useStore((state) => state.identity?.token_shown);
  const listed = show.contacts.filter(
    ({ name, state, unopened }) => KNOWN.includes(state) || unopened > 0 || name === rest,
  );
  // Never another than the one that was chosen: who types would write to somebody else.
  const chosen = rest === '' ? listed[0] : listed.find(({ name }) => name === rest);
  useEffect(() => {
    if (chosen !== undefined && chosen.name !== rest) {
      location.replace(`#/messages/${encodeURIComponent(chosen.name)}`);
    }
  }, [chosen?.name, rest]);
  return html`<div class="view">
    <header class="view-head row spread">
      <h1 tabindex="-1">Messages</h1>
      ${listed.length > 0 && html`<${LetterField} />`}
    </header>
    ${shown === false && html`<${NoToken} />`}
    ${
      listed.length === 0
        ? html`<${Empty} icon="messages" title="Nobody to write to yet">
            First <a href="#/pair">pair</a> with somebody. After that everything between you is
            sealed on its way and on the disk.
          </${Empty}>`
        : html`<div class="talks">
            <${People} contacts=${listed} chosen=${chosen?.name} />
            ${
              chosen === undefined
                ? html`<${Empty} icon="messages" title="Not here any more">
                    ${inWords(rest)} is not among the contacts of this peer. Choose another
                    conversation.
                  </${Empty}>`
                : html`<${Talk} key=${chosen.name} contact=${chosen} />`
            }
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
  const isOnly = contacts.length === 1 && chosen !== undefined;
  return html`<nav ref=${list} class=${isOnly ? 'people only-one' : 'people'} aria-label="Conversations">
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
