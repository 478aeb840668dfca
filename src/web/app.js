/** The frame: where one is, how it stands with the peer, and the view that was chosen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Note } from './action.js';
import { Gate } from './gate.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { Messages } from './messages.js';
import { Notices } from './notices.js';
import { Pair } from './pair.js';
import { PeerView } from './peer.js';
import { Sensors } from './sensors.js';
import { useStore } from './store.js';

const VIEWS = {
  pair: { title: 'Pair', View: Pair },
  messages: { title: 'Messages', View: Messages },
  sensors: { title: 'Sensors', View: Sensors },
  peer: { title: 'This peer', View: PeerView },
};

export function App() {
  const access = useStore((state) => state.access);
  const show = useStore((state) => state.show);
  const { view, rest } = useRoute();
  const { title, View } = VIEWS[view];
  const name = show?.name ?? 'Sotto';
  const unopened = unopenedOf(show?.contacts ?? []);
  useEffect(() => {
    const count = unopened > 0 ? `(${unopened}) ` : '';
    document.title = access === 'operator' ? `${count}${title} · ${name}` : `${name} · Sotto`;
  }, [access, title, name, unopened]);
  useFocusOnArrival(view);
  if (show === undefined)
    return html`<main><p>${access === 'offline' ? AWAY : 'One moment…'}</p></main>`;
  if (show.contacts === undefined) return html`<${Gate} show=${show} />`;
  return html`
    <div class="frame">
      <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
      <header class="side">
        <${Brand} name=${name} />
        <${Nav} view=${view} contacts=${show.contacts} />
        <p class="link-state" role="status">
          <span class="dot ${access === 'offline' ? 'off' : ''}" aria-hidden="true"></span>
          ${access === 'offline' ? 'Peer is away' : 'Live'}
        </p>
      </header>
      <main id="main" tabindex="-1">
        <${Unsafe} />
        <${View} show=${show} rest=${rest} />
      </main>
      <${Notices} />
    </div>
  `;
}

/** Across a network plain HTTP tells everybody on the way what this page shows. */
function Unsafe() {
  const isHere = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  if (isHere || location.protocol === 'https:') return undefined;
  return html`<div class="banner">
    <${Note} tone="bad" icon="alert">
      This page comes over the network unencrypted: others on the way can read it. Open it on the
      peer's own machine, through ssh, or behind a proxy that speaks TLS.
    </${Note}>
  </div>`;
}

const AWAY = 'This peer does not answer. The page goes on by itself when it does.';

function skip(event) {
  event.preventDefault();
  document.querySelector('main h1')?.focus();
}

function Brand({ name }) {
  return html`<div class="brand">
    <img src="/web/icon.svg" alt="" />
    <div class="stack-tight">
      <div class="brand-name" title=${name} dir="auto">${name}</div>
      <div class="muted small">Sotto</div>
    </div>
  </div>`;
}

function unopenedOf(contacts) {
  return contacts.reduce((sum, contact) => sum + contact.unopened, 0);
}

function Nav({ view, contacts }) {
  const unopened = unopenedOf(contacts);
  const toCompare = contacts.filter(({ code, verified }) => code && !verified).length;
  const counts = { messages: unopened, pair: toCompare };
  const meanings = { messages: 'to open', pair: 'to compare' };
  return html`<nav class="nav" aria-label="Views">
    ${Object.entries(VIEWS).map(
      ([id, { title }]) => html`<a
        key=${id}
        href=${`#/${id}`}
        aria-current=${id === view ? 'page' : undefined}
      >
        <${Icon} name=${id} />
        <span>${title}</span>
        ${
          counts[id] > 0 &&
          html`<span class="count">${counts[id]}<span class="hidden"> ${meanings[id]}</span></span>`
        }
      </a>`,
    )}
  </nav>`;
}

/** `#/messages/bob`: the view, and what stands behind it. */
function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const [, view = '', rest = ''] = hash.split('/');
  return { view: view in VIEWS ? view : 'pair', rest: decoded(rest) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Whoever changes the view by keyboard goes on at its heading, and hears it. */
function useFocusOnArrival(view) {
  const before = useRef(view);
  useEffect(() => {
    if (before.current !== view) document.querySelector('main h1')?.focus();
    before.current = view;
  }, [view]);
}
