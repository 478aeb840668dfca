/** Something that a person sets off: busy while it runs, and in words why it was refused. */
import { useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { Icon } from './icons.js';
import { refusal } from './words.js';

/** @returns { busy, error, run, clear }; `run` resolves to whether `work` did what it should. */
export function useAction(work) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState();
  const running = useRef(false);
  const run = async (...given) => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setError(undefined);
    try {
      await work(...given);
      return true;
    } catch (cause) {
      setError(refusal(cause));
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(undefined) };
}

/** What went wrong, read out when it appears: `{ text, code? }`; docs/ERRORS.md explains codes. */
export function ErrorNote({ error }) {
  return html`<div role="alert">
    ${
      error &&
      html`<p class="note bad">
        <${Icon} name="alert" />
        <span>${error.text}${error.code && html` <code class="error-code">${error.code}</code>`}</span>
      </p>`
    }
  </div>`;
}

export function Note({ tone = '', icon = 'info', children }) {
  return html`<div class="note ${tone}"><${Icon} name=${icon} /><div>${children}</div></div>`;
}

export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    <p>${children}</p>
  </div>`;
}

/** The values of a form's fields; what was left empty is left out. */
export function fieldsOf(form) {
  const fields = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(fields.filter(([, value]) => value !== ''));
}
