/** Contacts and how it stands with each, and the ways to meet somebody. */
import { Empty } from './action.js';
import { ContactCard } from './contact-card.js';
import { html } from './html.js';
import { MeetForm } from './meet-form.js';
import { PairingCode } from './pairing-code.js';
import { Waiting } from './waiting.js';

/** What waits for a person here comes first; else as they were made. */
function byUrgency(contacts) {
  const rank = ({ code, verified }) => (code !== undefined && !verified ? 0 : 1);
  return contacts.toSorted((one, other) => rank(one) - rank(other));
}

export function Pair({ show }) {
  const { contacts, waiting } = show;
  return html`<div class="view">
    <header class="view-head">
      <h1 tabindex="-1">Pair</h1>
      <p class="muted">Who this peer talks to, and whether people have checked that it is really them.</p>
    </header>
    <div class="columns">
      <section class="stack" aria-labelledby="contacts-title">
        <h2 id="contacts-title">Contacts</h2>
        <${Waiting} waiting=${waiting} contacts=${contacts} />
        ${
          contacts.length === 0 &&
          html`<${Empty} icon="pair" title="Nobody yet">
            Make a pairing code and give it to the other side, or enter theirs. That is the quickest
            way, and both are verified at once.
          </${Empty}>`
        }
        ${byUrgency(contacts).map((contact) => html`<${ContactCard} key=${contact.name} contact=${contact} />`)}
      </section>
      <section class="stack" aria-labelledby="meet-title">
        <h2 id="meet-title">Meet somebody</h2>
        <${PairingCode} contacts=${contacts} address=${show.address} />
        <${MeetForm} contacts=${contacts} />
      </section>
    </div>
  </div>`;
}
