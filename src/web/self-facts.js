/** Who this peer is: nothing of it is a secret. */
import { Fingerprint } from './fingerprint.js';
import { html } from './html.js';

export function SelfFacts({ show }) {
  const { name, fingerprint, address, public_key } = show;
  return html`<dl class="facts">
    <dt>Name</dt>
    <dd><bdi>${name}</bdi></dd>
    <dt>Address</dt>
    <dd>${
      address === undefined
        ? 'None: it cannot be called, and asks its contacts itself'
        : html`<code>${address}</code>`
    }</dd>
    <dt>Fingerprint</dt>
    <dd><${Fingerprint} digits=${fingerprint} /></dd>
    <dt>Public key</dt>
    <dd><code>${public_key}</code></dd>
  </dl>`;
}
