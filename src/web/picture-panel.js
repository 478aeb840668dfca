/**
 * A message in a picture: what goes in and its cover are chosen, the cover is measured, and shown
 * with and without what would be hidden in it, before anything leaves. The preview hides as many
 * random bytes, which nobody can tell from a sealed message, so a cover that was only tried stays
 * unused.
 */
import { useState } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { askBytes, query } from './api.js';
import { ContentField, contentSize, isEmpty } from './content-field.js';
import { CoverField } from './cover-field.js';
import { Dialog } from './dialog.js';
import { inWords } from './format.js';
import { html } from './html.js';
import { Forecast, useForecast } from './picture-forecast.js';
import { Preview } from './picture-preview.js';
import { save } from './save.js';
import { notify } from './store.js';

export function PicturePanel({ name, text, setText, onSent, close }) {
  const [file, setFile] = useState();
  const [cover, setCover] = useState();
  const [preview, setPreview] = useState();
  const content = { text, file };
  const size = contentSize(content);
  const forecast = useForecast(cover?.png, size);
  const look = useAction(async () => {
    setPreview(await askBytes('POST', query('/pictures/preview', { size }), undefined, cover.png));
  });
  const send = useAction(async (byHand) => {
    const picture = await post(name, content, cover, byHand);
    if (byHand) save(picture, cover.name);
    notify(byHand ? CARRY : 'The picture is queued.');
    close();
    await onSent(file === undefined);
  });
  // What was seen is of another cover, or of another size, now.
  const anew = (change) => (value) => {
    setPreview(undefined);
    change(value);
  };
  const fits = forecast.answer?.bytes >= size && !isEmpty(content);
  const isBusy = look.busy || send.busy;
  return html`<${Dialog} title="In a picture" close=${close}>
    <div class="dialog-body">
      <p class="small muted">
        What you send goes into a PNG, and ${inWords(name)} gets that picture back bit for bit. It
        hides what is said, not for sure that something is: whoever has the cover sees the
        difference, a trained program may. Never use a cover twice, and delete it afterwards. JPEG,
        resizing or a messenger’s upload destroy all of it. Whoever steals the keys of ${inWords(name)} later can read it, other than what is sent without a
        picture (no forward secrecy).
      </p>
      <${ContentField} name=${name} text=${text} setText=${anew(setText)} file=${file} setFile=${anew(setFile)} />
      <${CoverField} cover=${cover} setCover=${anew(setCover)} />
      ${cover && !forecast.answer && !forecast.error && html`<p class="small muted" role="status">Looking how much it holds…</p>`}
      ${cover && forecast.answer && html`<${Forecast} forecast=${forecast.answer} content=${content} />`}
      ${preview && html`<${Preview} before=${cover.png} after=${preview} />`}
      <${ErrorNote} error=${forecast.error ?? look.error ?? send.error} />
    </div>
    <footer class="dialog-foot">
      <button type="button" class="button" disabled=${!fits || isBusy} onClick=${() => look.run()}>
        ${look.busy ? 'Hiding…' : 'Preview'}
      </button>
      <button type="button" class="button" disabled=${!fits || isBusy} onClick=${() => send.run(true)}>
        Save, to carry by hand
      </button>
      <button type="button" class="button primary" disabled=${!fits || isBusy} onClick=${() => send.run(false)}>
        ${send.busy ? 'Hiding…' : 'Send in the picture'}
      </button>
    </footer>
  </${Dialog}>`;
}

const CARRY = 'Saved. Carry it as it is: any change destroys what is inside.';

/** A cover of the folder goes by its name, so that the peer moves it aside once it is used. */
function post(name, { text, file }, cover, byHand) {
  const form = new FormData();
  const fields = { to: name, carrier: 'image', answer: byHand ? 'file' : 'id' };
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  if (file === undefined) form.set('text', text);
  else form.set('file', file, file.name);
  if (cover.inFolder) form.set('cover_name', cover.name);
  else form.set('cover', cover.png, cover.name);
  return askBytes('POST', '/send_msg', undefined, form);
}
