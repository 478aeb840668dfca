/** Where one writes: text, and files by the button, by drag and drop, or pasted. */
import { useRef, useState } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { ask, query, upload } from './api.js';
import { size } from './format.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { PicturePanel } from './picture-panel.js';

export function Composer({ contact: { name }, onSent }) {
  const [text, setText] = useState('');
  const input = useRef();
  const sendText = useAction(async () => {
    if (text.trim() === '') return;
    await ask('POST', '/send_msg', { to: name, text });
    setText('');
    input.current?.focus();
    await onSent();
  });
  const files = useFiles(name, onSent);
  const { isOver, ...drop } = useDrop(files.give);
  const [inPicture, setInPicture] = useState(false);
  const sentInPicture = async () => {
    setText('');
    await onSent();
  };
  const submit = (event) => {
    event.preventDefault();
    void sendText.run();
  };
  const onKey = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return html`<form class="composer ${isOver ? 'over' : ''}" onSubmit=${submit} ...${drop}>
    <${ErrorNote} text=${sendText.error ?? files.error} />
    ${files.progress && html`<${Progress} progress=${files.progress} />`}
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
        placeholder=${isOver ? 'Drop to send, sealed' : `Message to ${name}`}
        value=${text}
        onInput=${(event) => setText(event.currentTarget.value)}
        onKeyDown=${onKey}
        onPaste=${(event) => files.give(event.clipboardData?.files ?? [])}
      ></textarea>
      <${FileButton} give=${files.give} />
      <${PictureButton} isOn=${inPicture} toggle=${() => setInPicture(true)} />
      <button class="button primary" disabled=${sendText.busy}>Send</button>
    </div>
  </form>`;
}

function PictureButton({ isOn, toggle }) {
  return html`<button
    type="button"
    class="button"
    aria-label="In a picture"
    title="In a picture"
    aria-haspopup="dialog"
    aria-expanded=${isOn}
    onClick=${toggle}
  >
    <${Icon} name="picture" />
  </button>`;
}

/** Sends files one after the other. */
function useFiles(name, onSent) {
  const [progress, setProgress] = useState();
  const { error, run } = useAction(async (files) => {
    for (const file of files) {
      setProgress({ name: file.name, done: 0, count: file.size });
      const path = query('/send_msg', { to: name, name: file.name });
      await upload(path, file, (done, count) => setProgress({ name: file.name, done, count }));
      await onSent();
    }
  });
  const give = async (files) => {
    if (files.length > 0) await run([...files]);
    setProgress(undefined);
  };
  return { progress, error, give };
}

function useDrop(give) {
  const [isOver, setOver] = useState(false);
  return {
    isOver,
    onDragOver: (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop: (event) => {
      event.preventDefault();
      setOver(false);
      void give(event.dataTransfer.files);
    },
  };
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

function Progress({ progress: { name, done, count } }) {
  return html`<div class="parts">
    <span class="small">Sealing ${name}: ${size(done)} of ${size(count)}</span>
    <progress max=${Math.max(1, count)} value=${done} aria-label=${`Sealing ${name}`}></progress>
  </div>`;
}
