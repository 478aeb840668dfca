/** One message: sealed until a person opens it; what we sent with how far it is. */
import { ErrorNote, useAction } from './action.js';
import { ask } from './api.js';
import { fileName, size, time } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';

const STATES = {
  queued: ['clock', 'Queued: waits here'],
  sent: ['sent', 'Sent, not yet confirmed'],
  delivered: ['check', 'Delivered'],
};
const CARRIERS = { file: 'by a letter', image: 'in a picture' };

export function Message({ message, onOpened }) {
  const { direction, state, at, carrier, verified } = message;
  return html`<li class="line ${direction}">
    <article class="bubble ${direction} ${state}" tabindex="-1">
      ${state === 'sealed' ? html`<${Sealed} message=${message} onOpened=${onOpened} />` : html`<${Content} message=${message} />`}
      <${Parts} message=${message} />
      <p class="bubble-foot">
        <time datetime=${at}>${time(at)}</time>
        ${CARRIERS[carrier] && html`<span>${CARRIERS[carrier]}</span>`}
        ${message.cover && html`<a href=${message.cover} download>Save the restored cover</a>`}
        ${direction === 'in' && !verified && html`<span class="state warn">not compared</span>`}
        ${direction === 'out' && html`<${State} state=${state} />`}
      </p>
    </article>
  </li>`;
}

function Sealed({ message, onOpened }) {
  const { row, kind, size: bytes } = message;
  const { busy, error, run } = useAction(async () => {
    await ask('POST', `/messages/${row}/open`);
    await onOpened();
  });
  return html`<div class="seal">
    <${Icon} name="lock" />
    <span>${kind === 'file' ? 'Sealed file' : 'Sealed'} · ${size(bytes)}</span>
    <button class="button small primary" disabled=${busy} onClick=${() => run()}>Open</button>
    <${ErrorNote} error=${error} />
  </div>`;
}

function Content({ message }) {
  const { type, name, size: bytes, content, reason } = message;
  if (type === 'text') return html`<${Text} message=${message} />`;
  if (type === 'file') {
    return html`<div class="attached">
      <${Icon} name="file" />
      <span class="attached-name"><bdi>${fileName(name)}</bdi> <span class="muted small size">${size(bytes)}</span></span>
      ${
        content &&
        html`<a class="button small" href=${content} download aria-label=${`Save ${fileName(name)}`}>
          <${Icon} name="down" />Save
        </a>`
      }
    </div>`;
  }
  if (type === 'notice') {
    const why = reason === 'too_large' ? 'it was too large' : 'it was not understood there';
    return html`<p class="text muted">A message of yours was not kept on the other side: ${why}.</p>`;
  }
  if (type === undefined)
    return html`<p class="text muted">Opened. Its content shows here once the link was opened.</p>`;
  return html`<p class="text muted">A message of a kind that this version does not know.</p>`;
}

function Text({ message: { text, cut, content } }) {
  return html`<p class="text" dir="auto">${text}${cut && '…'}</p>
    ${
      cut &&
      (content
        ? html`<a class="button small" href=${content} download="message.txt">Save the whole text</a>`
        : html`<p class="small muted">The rest is not kept on this side.</p>`)
    }`;
}

function Parts({ message: { parts } }) {
  if (!parts) return undefined;
  const percent = Math.floor((100 * parts.done) / parts.count);
  return html`<div class="parts">
    <progress max=${parts.count} value=${parts.done} aria-label="Delivered"></progress>
    <span class="small">${percent} %</span>
  </div>`;
}

function State({ state }) {
  const [icon, word] = STATES[state];
  return html`<span class="state ${state}"><${Icon} name=${icon} />${word}</span>`;
}
