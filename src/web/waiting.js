/** Somebody wants to meet. What they call themselves is their own word: nobody has checked it. */
import { ErrorNote, useAction } from './action.js';
import { ask } from './api.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { load } from './live.js';

export function Waiting({ waiting, contacts }) {
  return waiting.map(
    (caller) =>
      html`<${Caller} key=${`${caller.name} ${caller.address}`} caller=${caller} contacts=${contacts} />`,
  );
}

function Caller({ caller: { name, address }, contacts }) {
  const known = contacts.find((contact) => contact.address === address);
  const { busy, error, run } = useAction(async () => {
    const to = known?.name ?? freeName(name, contacts);
    // A contact whose key is known would only renew it, and leave them waiting.
    const again = known?.public_key !== undefined;
    await ask('POST', '/send_keys', {
      to,
      ...(known === undefined && { address }),
      ...(again && { again }),
    });
    await load();
  });
  return html`<article class="card calling">
    <div class="row">
      <${Icon} name="pair" />
      <h3>Somebody wants to meet</h3>
    </div>
    <p>
      They call themselves “${inWords(name)}”${address !== '' && html`, at <code>${address}</code>`}. Nobody
      has checked that yet: send keys back only if you expect them, then compare the code.
    </p>
    <${ErrorNote} error=${error} />
    ${
      address === '' &&
      html`<p>They gave no address to answer to: make a pairing code, and give it to them.</p>`
    }
    ${
      address !== '' &&
      html`<div class="row">
        <button class="button primary" disabled=${busy} onClick=${() => run()}>
          ${busy ? 'Sending keys…' : `Send keys to ${inWords(known?.name ?? name)}`}
        </button>
      </div>`
    }
  </article>`;
}

/** Two may call themselves the same. */
function freeName(wish, contacts) {
  const isTaken = (name) => contacts.some((contact) => contact.name === name);
  if (!isTaken(wish)) return wish;
  for (let number = 2; ; number += 1) {
    const name = `${wish} ${number}`;
    if (!isTaken(name)) return name;
  }
}
