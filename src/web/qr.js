/** A QR code as one path, dark on white in either theme: scanners want it so. */
import { useMemo } from 'preact/hooks';
import { encode } from 'uqr';
import { html } from './html.js';

export function Qr({ text, label }) {
  const { size, path } = useMemo(() => drawn(text), [text]);
  return html`<svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${label}>
    <rect width=${size} height=${size} fill="#fff" />
    <path d=${path} fill="#000" />
  </svg>`;
}

function drawn(text) {
  const { size, data } = encode(text, { ecc: 'M', border: 3 });
  const modules = data.flatMap((row, y) =>
    row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  return { size, path: modules.join('') };
}
