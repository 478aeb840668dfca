/** The picture that hides a message: one of the person's own, or one of the peer's covers folder. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote, useAction } from './action.js';
import { ask, askBytes } from './api.js';
import { html } from './html.js';

const OWN = '';

/** @param setCover takes `{ name, png, inFolder }`, or undefined. */
export function CoverField({ cover, setCover }) {
  const folder = useFolder();
  const [chosen, setChosen] = useState(OWN);
  const fetched = useAction(async ({ name, content }) => {
    const png = await askBytes('GET', content);
    setCover({ name, png, inFolder: true });
  });
  const choose = ({ currentTarget: { value } }) => {
    setChosen(value);
    setCover(undefined);
    fetched.clear();
    const entry = folder?.covers.find(({ name }) => name === value);
    if (entry !== undefined) void fetched.run(entry);
  };
  const upload = ({ currentTarget: { files } }) => {
    const [png] = files;
    setCover(png && { name: png.name, png, inFolder: false });
  };
  return html`<div class="field">
    <span class="field-label" id="cover-title">Cover (PNG)</span>
    ${
      folder?.covers.length > 0 &&
      html`<select aria-labelledby="cover-title" value=${chosen} onChange=${choose}>
        <option value=${OWN}>A picture of this computer…</option>
        <optgroup label="In the covers folder of the peer">
          ${folder.covers.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
        </optgroup>
      </select>`
    }
    ${
      chosen === OWN &&
      html`<input type="file" accept="image/png" aria-label="Cover (PNG), a file" onChange=${upload} />`
    }
    ${
      folder?.covers.length === 0 &&
      folder.path !== undefined &&
      cover === undefined &&
      html`<small>PNG files in <code>${folder.path}</code> can be chosen here as well.</small>`
    }
    <${ErrorNote} error=${fetched.error} />
  </div>`;
}

/** What lies there; undefined as long as it is not known, or this browser may not know. */
function useFolder() {
  const [folder, setFolder] = useState();
  useEffect(() => {
    let current = true;
    ask('GET', '/pictures/covers').then(
      (answer) => current && setFolder(answer),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, []);
  return folder;
}
