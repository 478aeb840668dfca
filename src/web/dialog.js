/** A window over the page. Escape closes it; whoever opened it by keyboard is back where he was. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { html } from './html.js';
import { Icon } from './icons.js';

export function Dialog({ title, close, children }) {
  const dialog = useRef();
  // At once: an effect that waits for the drawing could find the focus inside already.
  useLayoutEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      // What is taken from the page does not give the focus back by itself.
      opener?.focus();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  return html`<dialog ref=${dialog} class="dialog" aria-label=${title} onCancel=${cancel}>
    <header class="dialog-head">
      <h2>${title}</h2>
      <button type="button" class="button quiet" aria-label="Close" onClick=${close}>
        <${Icon} name="close" />
      </button>
    </header>
    ${children}
  </dialog>`;
}
