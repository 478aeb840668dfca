/** What goes into a picture: a text, or a file. */
import { useState } from 'preact/hooks';
import { inWords, size } from './format.js';
import { html } from './html.js';
import { Segments } from './segments.js';

const KINDS = [
  { id: 'text', label: 'A text' },
  { id: 'file', label: 'A file' },
];
const utf8 = new TextEncoder();
const sizeOf = (text) => utf8.encode(text).length;
/** The sizes of a file's name and type stand before them. */
const LENGTHS_SIZE = 2;

/** In bytes, as the peer counts what a cover holds; never 0, which could not be measured. */
export function contentSize({ text, file }) {
  if (file === undefined) return Math.max(1, sizeOf(text));
  return file.size + sizeOf(file.name) + sizeOf(file.type) + LENGTHS_SIZE;
}

export const isEmpty = ({ text, file }) => file === undefined && text.trim() === '';

export function ContentField({ name, text, setText, file, setFile }) {
  const [kind, setKind] = useState('text');
  const choose = (next) => {
    setKind(next);
    setFile(undefined);
  };
  return html`<div class="stack-tight">
    <div class="row spread">
      <label class="field-label" for="in-picture">${kind === 'text' ? 'Text' : 'File'} for ${inWords(name)}</label>
      <${Segments} legend="What goes into the picture" name="content" options=${KINDS} chosen=${kind} choose=${choose} />
    </div>
    ${
      kind === 'text'
        ? html`<textarea id="in-picture" rows="2" dir="auto" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea>`
        : html`<input id="in-picture" type="file" onChange=${(event) => setFile(event.currentTarget.files[0])} />
          ${file && html`<p class="small muted">${size(file.size)}</p>`}`
    }
  </div>`;
}
