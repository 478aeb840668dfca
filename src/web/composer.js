/** Where one writes: text, files by a button or pasted, and either in a picture. */
import { useRef, useState } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { ask } from './api.js';
import { fileName, size } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { PicturePanel } from './picture-panel.js';

/** What was written and not sent, by contact: another view does not lose it. */
const drafts = new Map();

/** @param files what `useFiles` gives. */
export function Composer({ contact: { name }, files, isOver, onSent }) {
  const [text, setText] = useDraft(name);
  const input = useRef();
  const sendText = useAction(async () => {
    if (text.trim() === '') return;
    await ask('POST', '/send_msg', { to: name, text });
    setText('');
    input.current?.focus();
    await onSent();
  });
  const [inPicture, setInPicture] = useState(false);
  const sentInPicture = async (isText) => {
    if (isText) setText('');
    await onSent();
  };
  const submit = (event) => {
    event.preventDefault();
    void sendText.run();
  };
  const onKey = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return html`<form class="composer ${isOver ? 'over' : ''}" onSubmit=${submit}>
    <${ErrorNote} error=${sendText.error ?? files.error} />
    ${files.progress && html`<${Progress} progress=${files.progress} cancel=${files.cancel} />`}
    ${
      inPicture &&
      html`<${PicturePanel}
        name=${name}
        text=${text}
        setText=${setText}
        onSent=${sentInPicture}
        close=${() => setInPicture(false)}
      />`
    }
    <div class="composer-row">
      <label class="hidden" for="text">Message to ${name}</label>
      <textarea
        id="text"
        ref=${input}
        rows="1"
      dir="auto"
        placeholder=${isOver ? 'Drop to send, sealed' : 'Write a message'}
        value=${text}
        onInput=${(event) => setText(event.currentTarget.value)}
        onKeyDown=${onKey}
        onPaste=${(event) => files.give(event.clipboardData?.files ?? [])}
      ></textarea>
      <${FileButton} give=${files.give} />
      <${PictureButton} isOn=${inPicture} open=${() => setInPicture(true)} />
      <button class="button primary" disabled=${sendText.busy}>Send</button>
    </div>
  </form>`;
}

function useDraft(name) {
  const [text, setText] = useState(() => drafts.get(name) ?? '');
  const change = (next) => {
    if (next === '') drafts.delete(name);
    else drafts.set(name, next);
    setText(next);
  };
  return [text, change];
}

function PictureButton({ isOn, open }) {
  return html`<button
    type="button"
    class="button"
    aria-label="In a picture"
    title="In a picture"
    aria-haspopup="dialog"
    aria-expanded=${isOn}
    onClick=${open}
  >
    <${Icon} name="picture" />
  </button>`;
}

function FileButton({ give }) {
  const picker = useRef();
  const chosen = async ({ currentTarget }) => {
    const files = [...currentTarget.files];
    // Emptied, so that the same file can be chosen again.
    currentTarget.value = '';
    await give(files);
  };
  return html`<input
      ref=${picker}
      id="files"
      class="hidden"
      type="file"
      multiple
      tabindex="-1"
      aria-hidden="true"
      onChange=${chosen}
    />
    <button
      type="button"
      class="button"
      aria-label="Send files"
      title="Send files"
      onClick=${() => picker.current.click()}
    >
      <${Icon} name="attach" />
    </button>`;
}

function Progress({ progress: { name, done, count }, cancel }) {
  return html`<div class="parts">
    <div class="row spread">
      <span class="small">Sealing ${fileName(name)}: ${size(done)} of ${size(count)}</span>
      <button type="button" class="button small" onClick=${cancel}>Cancel</button>
    </div>
    <progress max=${Math.max(1, count)} value=${done} aria-label=${`Sealing ${fileName(name)}`}></progress>
  </div>`;
}
