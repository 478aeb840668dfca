/** What was said with one contact, the newest at the bottom, and what is still arriving. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ErrorNote, Note, useAction } from './action.js';
import { ask, query } from './api.js';
import { Composer } from './composer.js';
import { useDrop, useFiles } from './files.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { Message } from './message.js';
import { useStore } from './store.js';
import { refusal } from './words.js';

const PAGE = 50;
/** The most that one answer holds; what is older is had page by page and looked at no more. */
const FRESH_MAX = 200;

export function Talk({ contact }) {
  const { name, unopened, verified, queued } = contact;
  const { messages, hasOlder, error, showOlder, refresh } = useConversation(name);
  const list = useRef();
  const stick = useStickToEnd(list, messages);
  const sent = async () => {
    stick();
    await refresh();
  };
  const openAll = useAction(async () => {
    await ask('POST', '/decrypt_msg', { from: name });
    await refresh();
  });
  const files = useFiles(name, sent);
  const { isOver, drop } = useDrop(files.give);
  const isPaired = contact.state === 'paired';
  return html`<section
    class="talk card"
    tabindex="-1"
    aria-label=${`Conversation with ${name}`}
    ...${isPaired ? drop : {}}
  >
    <header class="talk-head">
      <h2 title=${name} dir="auto">${name}</h2>
      ${!verified && html`<a class="chip warn" href="#/pair">Not compared</a>`}
      ${queued.messages > 0 && html`<span class="chip">${queued.messages} queued</span>`}
      ${
        unopened > 1 &&
        html`<button class="button small" disabled=${openAll.busy} onClick=${() => openAll.run()}>
          Open all ${unopened}
        </button>`
      }
    </header>
    <div class="talk-list" ref=${list} role="log" aria-label="Messages" tabindex="0">
      ${hasOlder && html`<button class="button quiet small older" onClick=${showOlder}>Show older</button>`}
      ${
        messages !== undefined &&
        messages.length === 0 &&
        contact.arriving.length === 0 &&
        html`<p class="talk-empty muted">Nothing yet. What you write waits here, sealed, until ${inWords(name)} has it.</p>`
      }
      <ol>
        ${messages?.map(
          (message) =>
            html`<${Message} key=${`${message.direction}${message.row}`} message=${message} onOpened=${refresh} />`,
        )}
      </ol>
      <${Arriving} arriving=${contact.arriving} />
    </div>
    <${ErrorNote} error=${error ?? openAll.error} />
    ${
      isPaired
        ? html`<${Composer} contact=${contact} files=${files} isOver=${isOver} onSent=${sent} />`
        : html`<${Note} tone="warn" icon="alert">${inWords(name)} cannot be written to: there are no keys that both know. <a href="#/pair">Pair</a> first.</${Note}>`
    }
  </section>`;
}

/** Large messages of which only a part is here. */
function Arriving({ arriving }) {
  return arriving.map(
    ({ parts, count }, index) => html`<div class="bubble in arriving" key=${index}>
      <span class="small">A large message is arriving: ${Math.floor((100 * parts) / count)} %</span>
      <progress max=${count} value=${parts} aria-label="Arriving"></progress>
    </div>`,
  );
}

/** Oldest first, loaded again whenever something has changed. */
function useConversation(name) {
  const revision = useStore((state) => state.messages);
  const [talk, setTalk] = useState({ messages: undefined, before: null, older: [] });
  const [error, setError] = useState();
  const limit = useRef(PAGE);
  const load = async () => {
    try {
      const fresh = await ask('GET', query('/messages', { with: name, limit: limit.current }));
      setTalk(({ older, before }) => ({
        messages: [...fresh.messages].reverse(),
        before: older.length > 0 ? before : fresh.before,
        older,
      }));
      setError(undefined);
    } catch (cause) {
      setError(refusal(cause));
    }
  };
  useEffect(() => void load(), [name, revision]);
  const showOlder = async () => {
    if (limit.current < FRESH_MAX) {
      limit.current += PAGE;
      await load();
      return;
    }
    const { messages, before } = await ask(
      'GET',
      query('/messages', { with: name, before: talk.before }),
    );
    setTalk((now) => ({ ...now, before, older: [...messages.reverse(), ...now.older] }));
  };
  const messages = talk.messages && [...talk.older, ...talk.messages];
  return { messages, hasOlder: talk.before !== null, error, showOlder, refresh: load };
}

/**
 * Stays at the newest unless the person has scrolled up to read; then what is read stays where it
 * is, though older ones come above it. @returns what leads to the newest, for who sends.
 */
function useStickToEnd(list, messages) {
  const atEnd = useRef(true);
  const height = useRef(0);
  useEffect(() => {
    const element = list.current;
    const follow = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
    };
    element.addEventListener('scroll', follow, { passive: true });
    return () => element.removeEventListener('scroll', follow);
  }, []);
  const { direction, row } = messages?.at(-1) ?? {};
  const newest = `${direction}${row}`;
  const before = useRef(newest);
  useLayoutEffect(() => {
    const { scrollHeight } = list.current;
    if (atEnd.current) list.current.scrollTop = scrollHeight;
    else if (before.current === newest) list.current.scrollTop += scrollHeight - height.current;
    height.current = scrollHeight;
    before.current = newest;
  }, [messages?.length, messages?.at(-1)?.state]);
  return () => {
    atEnd.current = true;
  };
}
