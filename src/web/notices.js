/** Short notices, which a screen reader reads out as they come. */
import { html } from './html.js';
import { dismiss, useStore } from './store.js';

export function Notices() {
  const notices = useStore((state) => state.notices);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${notices.map(
      ({ id, text }) => html`<div class="toast" key=${id}>
        <span>${text}</span>
        <button type="button" aria-label="Dismiss" onClick=${() => dismiss(id)}>×</button>
      </div>`,
    )}
  </div>`;
}
