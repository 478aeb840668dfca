/**
 * A message in a picture: a cover is chosen, measured, and shown with and without what would be
 * hidden in it, before anything leaves. The preview hides as many random bytes, which nobody can
 * tell from a sealed message, so that a cover that was only tried stays unused.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ErrorNote, Note, useAction } from './action.js';
import { askBytes, query } from './api.js';
import { Dialog } from './dialog.js';
import { size } from './format.js';
import { html } from './html.js';
import { Preview } from './picture-preview.js';
import { save } from './save.js';
import { notify } from './store.js';
import { refusal } from './words.js';

const PNG = 'image/png';

export function PicturePanel({ name, text, setText, onSent, close }) {
  const [cover, setCover] = useState();
  const [preview, setPreview] = useState();
  const bytes = new TextEncoder().encode(text).length;
  const forecast = useForecast(cover, bytes);
  const look = useAction(async () => {
    const path = query('/pictures/preview', { size: Math.max(1, bytes) });
    setPreview(await askBytes('POST', path, undefined, cover));
  });
  const send = useAction(async (byHand) => {
    const picture = await post(name, text, cover, byHand);
    if (byHand) save(picture, cover.name);
    notify(
      byHand
        ? 'Saved. Carry it as it is: any change destroys what is inside.'
        : 'The picture is queued.',
    );
    close();
    await onSent();
  });
  const choose = (file) => {
    setCover(file);
    setPreview(undefined);
  };
  const fits = forecast.answer !== undefined && bytes > 0 && forecast.answer.bytes >= bytes;
  return html`<${Dialog} title="In a picture" close=${close}>
    <div class="dialog-body">
      <p class="small muted">
        The text goes into a PNG of your own, and ${name} gets that picture back bit for bit.
        Whoever has the cover sees the difference: never use one twice, and delete it afterwards.
        A message in a picture has no forward secrecy.
      </p>
      <label class="field">
        <span>Text for ${name}</span>
        <textarea rows="2" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea>
      </label>
      <${CoverField} choose=${choose} />
      ${cover && forecast.answer && html`<${Forecast} forecast=${forecast.answer} bytes=${bytes} />`}
      ${preview && html`<${Preview} before=${cover} after=${preview} />`}
      <${ErrorNote} text=${forecast.error ?? look.error ?? send.error} />
    </div>
    <footer class="dialog-foot">
      <button type="button" class="button" disabled=${!fits || look.busy} onClick=${() => look.run()}>
        ${look.busy ? 'Hiding…' : 'Preview'}
      </button>
      <button type="button" class="button" disabled=${!fits || send.busy} onClick=${() => send.run(true)}>
        Save, to carry by hand
      </button>
      <button type="button" class="button primary" disabled=${!fits || send.busy} onClick=${() => send.run(false)}>
        ${send.busy ? 'Hiding…' : 'Send in the picture'}
      </button>
    </footer>
  </${Dialog}>`;
}

function post(name, text, cover, byHand) {
  const form = new FormData();
  const fields = { to: name, text, carrier: 'image', answer: byHand ? 'file' : 'id' };
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  form.set('cover', cover, cover.name);
  return askBytes('POST', '/send_msg', undefined, form);
}

function CoverField({ choose }) {
  const field = useRef();
  return html`<label class="field">
    <span>Cover (PNG)</span>
    <input ref=${field} type="file" accept=${PNG} onChange=${() => choose(field.current.files[0])} />
  </label>`;
}

/** Asked again when the cover or the length of the text has changed, after a moment's rest. */
function useForecast(cover, bytes) {
  const [state, setState] = useState({});
  useEffect(() => {
    if (cover === undefined) {
      setState({});
      return undefined;
    }
    const end = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const path = query('/pictures/capacity', { size: Math.max(1, bytes) });
        const answer = JSON.parse(await (await askBytes('POST', path, undefined, cover)).text());
        if (!end.signal.aborted) setState({ answer });
      } catch (cause) {
        if (!end.signal.aborted) setState({ error: refusal(cause) });
      }
    }, 400);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [cover, bytes]);
  return state;
}

function Forecast({ forecast, bytes }) {
  const { width, height, bytes: room, psnr_dB, warnings, pixels_needed } = forecast;
  const side = pixels_needed && Math.ceil(Math.sqrt(pixels_needed));
  const tooSmall = bytes > room;
  return html`<dl class="facts small">
      <dt>Cover</dt>
      <dd>${width} × ${height} pixels</dd>
      <dt>Holds</dt>
      <dd>${size(room)}; the text has ${size(bytes)}</dd>
      ${psnr_dB !== undefined && html`<dt>Likeness</dt><dd>about ${psnr_dB.toFixed(1)} dB (above 50 no eye sees it)</dd>`}
    </dl>
    ${
      tooSmall &&
      html`<${Note} tone="bad" icon="alert">
        It does not fit.${side ? ` A picture like it of about ${side} × ${side} pixels would do.` : ' Take a larger one.'}
      </${Note}>`
    }
    ${warnings.map((warning) => html`<${Note} key=${warning} tone="warn" icon="alert">${sentence(warning)}</${Note}>`)}`;
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
