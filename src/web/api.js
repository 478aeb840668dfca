/**
 * Calls the peer that serves this page. A refusal is an `Error` with the peer's stable code, or none
 * where the peer did not say a word.
 */

export class Refusal extends Error {
  constructor(code, detail, status) {
    super(detail);
    this.code = code;
    this.status = status;
  }
}

const SILENT = 'This peer does not answer. Is it still running?';

/** @returns what was answered as JSON; undefined if nothing was. */
export async function ask(method, path, json) {
  const response = await send(method, path, asJson(json));
  if (response.status === 204) return undefined;
  return await response.json();
}

/** @returns what was answered in the form that was asked for. */
export async function askText(path, accept) {
  const response = await send('GET', path, { headers: { accept } });
  return await response.text();
}

/** @param body goes as it is: a file, or a form. @returns the answer's bytes. */
export async function askBytes(method, path, json, body) {
  const response = await send(method, path, body === undefined ? asJson(json) : { body });
  return await response.blob();
}

function asJson(json) {
  if (json === undefined) return {};
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) };
}

export function query(path, fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `${path}?${new URLSearchParams(given)}`;
}

async function send(method, path, request) {
  const response = await fetch(path, { method, ...request }).catch(() => {
    throw new Refusal(undefined, SILENT, 0);
  });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response) {
  try {
    const { code, detail } = await response.json();
    return new Refusal(code, detail, response.status);
  } catch {
    return new Refusal('internal', `The peer answered ${response.status}.`, response.status);
  }
}

/**
 * Sends a file as it is, and tells how far it is: `onProgress(bytes sent, bytes in all)`.
 * `fetch` cannot tell that. Once `signal` is aborted the peer forgets what it has of the file.
 */
export function upload(path, file, onProgress, signal) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const request = new XMLHttpRequest();
  request.open('POST', path);
  request.setRequestHeader('content-type', file.type || 'application/octet-stream');
  request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
  request.onerror = () => reject(new Refusal(undefined, SILENT, 0));
  request.onload = () => {
    const answer = parsed(request.responseText);
    if (request.status < 400) resolve(answer);
    else reject(new Refusal(answer.code ?? 'internal', answer.detail ?? '', request.status));
  };
  request.onabort = () => reject(signal.reason);
  signal.addEventListener('abort', () => request.abort());
  request.send(file);
  return promise;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
