/** What the page knows, in one place; a component that uses a part of it follows its changes. */
import { useEffect, useState } from 'preact/hooks';

let state = {
  /** `loading`; `public`: nobody has shown the token; `operator`; `offline`. */
  access: 'loading',
  /** What GET /show answered last. */
  show: undefined,
  /** What GET /identity answered last. */
  identity: undefined,
  /** Grow whenever messages or readings have changed. */
  messages: 0,
  readings: 0,
  /** Short notices, newest last: { id, text }. */
  notices: [],
};
const listeners = new Set();

export const getState = () => state;

export function setState(change) {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

/** @param select gives a part of the state that stays identical while nothing in it changes. */
export function useStore(select) {
  const [part, setPart] = useState(() => select(state));
  useEffect(() => {
    const follow = () => setPart(() => select(state));
    listeners.add(follow);
    follow();
    return () => listeners.delete(follow);
  }, []);
  return part;
}

let noticeCount = 0;
const NOTICE_MS = 8_000;
const NOTICES_MAX = 4;

/** Says something once, also to a screen reader. */
export function notify(text) {
  noticeCount += 1;
  const id = noticeCount;
  setState({ notices: [...state.notices, { id, text }].slice(-NOTICES_MAX) });
  setTimeout(() => dismiss(id), NOTICE_MS);
}

export function dismiss(id) {
  setState({ notices: state.notices.filter((notice) => notice.id !== id) });
}
