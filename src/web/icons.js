/** Small drawings; a word always stands beside them or in a label. */
import { html } from './html.js';

const PATHS = {
  pair: 'M8 12h8M7 8H6a4 4 0 0 0 0 8h1M17 8h1a4 4 0 0 1 0 8h-1',
  messages: 'M4 5h16v11H9l-5 4z',
  sensors: 'M3 12h4l3-7 4 14 3-7h4',
  peer: 'M5 4h14v7H5zM5 13h14v7H5zM8 7.5h.01M8 16.5h.01',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  open: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.8-1',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  alert: 'M12 8v5M12 16.5v.01M12 3l9.5 17h-19z',
  info: 'M12 11v6M12 7.5v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  clock: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  sent: 'M4 12l16-8-6 16-3-7z',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  attach:
    'M20 11l-8.5 8.5a4.5 4.5 0 0 1-6.4-6.4L13.5 4.7a3 3 0 0 1 4.3 4.3l-8.4 8.3a1.5 1.5 0 0 1-2.1-2.1L15 7.5',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9v.01',
  letter: 'M3 6h18v12H3zM3 7l9 6 9-6',
  down: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  close: 'M6 6l12 12M18 6L6 18',
  key: 'M14 10a4 4 0 1 0-4 4 4 4 0 0 0 4-4zM13 13l7 7M17 17l2-2',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
