/**
 * Follows the peer: loads what it shows, hears by server-sent events that something has changed,
 * and loads that again. The browser reconnects by itself while the peer is away; a peer that was
 * started anew no longer knows this browser, and then the page asks for the link.
 */
import { ask } from './api.js';
import { getState, notify, setState } from './store.js';
import { happened } from './words.js';

const RETRY_MS = 2_000;
/** A browser lets what is hidden run once a minute at most. */
const HIDDEN_MS = 60_000;
/** The other windows of this browser share its session: one may enter, or sign out, for all. */
const others = new BroadcastChannel('sotto');

let source;
let isLoading = false;
let again = false;

export function startLive() {
  void load();
  others.onmessage = () => void load();
  let timer;
  document.addEventListener('visibilitychange', () => {
    clearInterval(timer);
    // A page that nobody sees holds no connection: a browser has only six for one peer. It asks
    // now and then, so that its title tells what waits.
    if (document.hidden) {
      disconnect();
      timer = setInterval(load, HIDDEN_MS);
    } else {
      void load();
    }
  });
}

/** Loads what is shown, once for all who ask meanwhile. */
export async function load() {
  again = isLoading;
  if (isLoading) return;
  isLoading = true;
  try {
    await loadOnce();
  } finally {
    isLoading = false;
  }
  if (again) await load();
}

async function loadOnce() {
  try {
    const show = await ask('GET', '/show');
    const isOperator = show.contacts !== undefined;
    const identity = isOperator ? await ask('GET', '/identity') : undefined;
    const { access: before, show: shown } = getState();
    const access = isOperator ? 'operator' : 'public';
    tellChanges(shown, show);
    setState({ show, identity, access });
    if (access !== before) others.postMessage(access);
    if (isOperator) connect();
    else disconnect();
  } catch {
    setState({ access: 'offline' });
    disconnect();
    setTimeout(load, RETRY_MS);
  }
}

function tellChanges(before, after) {
  for (const text of happened(before, after)) notify(text);
}

function connect() {
  if (source !== undefined || document.hidden) return;
  source = new EventSource('/events');
  source.addEventListener('reset', () => changed('contacts', 'messages', 'readings'));
  source.addEventListener('change', ({ data }) => changed(JSON.parse(data).about));
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(load, RETRY_MS);
    } else {
      void load();
    }
  };
}

function disconnect() {
  source?.close();
  source = undefined;
}

function changed(...topics) {
  const { messages, readings } = getState();
  if (topics.includes('messages')) setState({ messages: messages + 1 });
  if (topics.includes('readings')) setState({ readings: readings + 1 });
  void load();
}
