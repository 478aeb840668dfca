/**
 * The plain page: asks /show every two seconds, and lets a person do the four verbs. Whatever
 * comes from a peer, a contact's name included, is set as text and never as markup.
 */

const REFRESH_MS = 2_000;
const ANSWERS_MAX = 50;

const byId = (id) => document.getElementById(id);

/** An element around strings and other elements; empty ones are left out. */
function element(name, className, ...parts) {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...parts.filter((part) => part !== undefined && part !== ''));
  return made;
}

function button(label, act) {
  const made = element('button', '', label);
  made.type = 'button';
  made.addEventListener('click', act);
  return made;
}

async function call(method, path, { json, file } = {}) {
  const headers = json === undefined ? {} : { 'content-type': 'application/json' };
  const body = json === undefined ? file : JSON.stringify(json);
  const response = await fetch(path, { method, headers, body });
  return { ok: response.ok, status: response.status, answer: await response.json() };
}

/** Does one verb, tells below what came of it, and returns whether it was done. */
async function act(title, ...request) {
  let done = false;
  try {
    const { ok, status, answer } = await call(...request);
    done = ok;
    report(`${title}: ${ok ? summary(answer) : (answer.detail ?? status)}`, ok);
    for (const message of answer.messages ?? []) report(sentence(message), true, message.content);
  } catch {
    report(`${title}: the peer does not answer`, false);
  }
  await refresh();
  return done;
}

function summary(answer) {
  if (answer.detail !== undefined) return answer.detail;
  if (answer.count === 0) return 'nothing has arrived';
  if (answer.messages !== undefined) return `${answer.count} opened`;
  if (answer.count !== undefined) return `${answer.count} opened, on the terminal of the peer`;
  if (answer.id !== undefined) return `queued for ${answer.to} as ${answer.id}`;
  return 'done';
}

function sentence({ from, verified, type, text, name, size }) {
  const who = verified ? from : `${from} (not compared)`;
  if (type === 'text') return `${who}: ${text}`;
  return type === 'file' ? `${who} sent the file ${name}, ${size} bytes` : `${who}: ${type}`;
}

function report(text, ok, download) {
  const item = element('li', ok ? '' : 'refused', text);
  if (typeof download === 'string') {
    const link = element('a', '', 'save');
    link.href = download;
    link.download = '';
    item.append(' ', link);
  }
  byId('answers').prepend(item);
  while (byId('answers').children.length > ANSWERS_MAX) byId('answers').lastChild.remove();
}

let shownBefore = '';

async function refresh() {
  try {
    const { ok, answer } = await call('GET', '/show');
    const shown = JSON.stringify(answer, undefined, 2);
    if (!ok || shown === shownBefore) return;
    // Drawn only when it changed: a button must not vanish under the pointer.
    draw(answer);
    byId('show').textContent = shown;
    shownBefore = shown;
  } catch {
    byId('name').textContent = 'the peer does not answer';
    shownBefore = '';
  }
}

function draw({ name, address, fingerprint, contacts = [], waiting = [] }) {
  document.title = `${name} · Sotto`;
  byId('name').textContent = name;
  byId('address').textContent = address ?? '';
  byId('fingerprint').textContent = fingerprint;
  byId('contacts').replaceChildren(...contacts.map(contactItem));
  byId('no-contacts').hidden = contacts.length > 0;
  byId('waiting').replaceChildren(...waiting.map(waitingItem));
  byId('names').replaceChildren(...contacts.map(({ name: value }) => option(value)));
}

function option(value) {
  const made = document.createElement('option');
  made.value = value;
  return made;
}

function contactItem(contact) {
  const { name, address, fingerprint, advice, last_error } = contact;
  return element(
    'li',
    'contact',
    element('strong', '', name),
    ' ',
    element('code', '', address ?? 'cannot be called'),
    element('p', '', facts(contact)),
    fingerprint && element('p', '', 'Fingerprints ', element('code', '', fingerprint)),
    advice && element('p', '', advice),
    last_error && element('p', 'refused', last_error),
    comparison(contact),
  );
}

function facts({ state, verified, queued, unopened, arriving }) {
  const parts = arriving.map(({ parts, count }) => `${parts} of ${count} parts here`);
  const compared = verified ? 'compared' : 'not compared';
  const sizes = [`${queued.messages} queued`, `${unopened} to open`];
  return [state.replaceAll('_', ' '), compared, ...sizes, ...parts].join(' · ');
}

function comparison({ name, code, key_check, verified }) {
  if (code === undefined || verified) return undefined;
  const answer = (differs) => () =>
    act(`Verify ${name}`, 'POST', '/verify', { json: { to: name, code, differs } });
  return element(
    'div',
    '',
    element('p', '', 'The other side must show the same code:'),
    element('p', 'code', code),
    element('p', '', 'Key check value ', element('code', '', key_check)),
    button('It is the same', answer(false)),
    ' ',
    button('It differs', answer(true)),
  );
}

function waitingItem({ name, address }) {
  const from = address === '' ? '' : ` from ${address}`;
  return element('li', '', `Somebody who says “${name}”${from} waits for your keys.`);
}

/** What a form holds, without what was left empty. */
function fieldsOf(form) {
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === 'string' && value !== '') fields[name] = value === 'on' ? true : value;
  }
  return fields;
}

function onSubmit(id, submitted) {
  byId(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    const control = byId(id).querySelector('button');
    control.disabled = true;
    await submitted(byId(id));
    control.disabled = false;
  });
}

onSubmit('send-keys', (form) => act('Send keys', 'POST', '/send_keys', { json: fieldsOf(form) }));

onSubmit('send-msg', async (form) => {
  const sent = await act('Send', 'POST', '/send_msg', { json: fieldsOf(form) });
  if (sent) form.elements.text.value = '';
});

onSubmit('send-file', async (form) => {
  const [file] = form.elements.file.files;
  const query = new URLSearchParams({ ...fieldsOf(form), name: file.name });
  await act('Send file', 'POST', `/send_msg?${query}`, { file });
});

onSubmit('decrypt-msg', () => act('Decrypt', 'POST', '/decrypt_msg', { json: {} }));

await refresh();
setInterval(refresh, REFRESH_MS);
