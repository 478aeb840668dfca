/**
 * The bridge: offers a device on a serial line as a peer on the network, docs/SERIAL.md §5. It
 * carries bundles and triggers and holds no key; what it reads is ciphertext and public facts.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { systemRandomBytes } from '../crypto/index.ts';
import { LinkError } from '../failures.ts';
import { HttpLink, type OpenSerial, SerialLink } from '../link/index.ts';
import {
  type Access,
  answerInTurn,
  BUNDLE_SIZE_MAX,
  createHttpServer,
  decide,
  type GuardConfig,
} from '../routes/index.ts';
import { reach } from './reach.ts';
import { Talk } from './talk.ts';

const BODY_MS = 10_000;
/** One device answers one after the other: who is beyond these would only wait. */
const CONNECTIONS_MAX = 64;
const BUNDLE_TYPE = 'application/octet-stream';

export interface BridgeConfig {
  /** The device file of the serial line. */
  readonly serial: string;
  readonly baud: number;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Origins that the device may reach; the first is meant when it names none. Empty: `reach`. */
  readonly peers: readonly string[];
  /** What people should see: the state of the line, the device's boot log. */
  readonly say: (line: string) => void;
  /** What tests replace. */
  readonly open?: OpenSerial;
}

export interface Bridge {
  readonly origin: string;
  readonly isUp: () => boolean;
  stop(): Promise<void>;
}

/** Which pages there are, and who may have them. All but the last are verbs of the device. */
const PAGES: Readonly<Record<string, Access>> = {
  '/send_keys': 'trigger',
  '/send_msg': 'trigger',
  '/decrypt_msg': 'trigger',
  '/show': 'read',
  '/metrics': 'read',
};
const NAMES = Object.keys(PAGES).join(', ');
const UNSENT =
  'the device sends its next reading; text is typed at its own console, a bridge sees none';

const GUARD: GuardConfig = {
  mode: 'demo',
  hosts: [],
  behindProxy: false,
  token: new Uint8Array(0),
  session: new Uint8Array(0),
  cookieName: 'none',
};

/** @throws if the port cannot be had. The device may come and go. */
export async function startBridge(config: BridgeConfig): Promise<Bridge> {
  const http = new HttpLink();
  const serial = openSerial(config, http);
  const offer = { config, serial };
  const server = createHttpServer(CONNECTIONS_MAX);
  answerInTurn(server, (request, response) => void answer(offer, request, response));
  server.requestTimeout = BODY_MS;
  try {
    await listen(server, config);
  } catch (cause) {
    serial.close();
    throw cause;
  }
  const { port } = server.address() as AddressInfo;
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    serial.close();
    server.closeAllConnections();
    await Promise.all([once(server.close(), 'close'), http.close(1_000)]);
  };
  return {
    origin: `http://${isIPv6(config.host) ? `[${config.host}]` : config.host}:${port}`,
    isUp: () => serial.isUp,
    stop: () => (stopping ??= stop()),
  };
}

function openSerial({ serial: path, baud, peers, open, ...config }: BridgeConfig, http: HttpLink) {
  const talk = new Talk(config.say);
  let lost = '';
  /** Where the last bundle was answered. */
  let answered: string | undefined;
  return new SerialLink({
    path,
    baud,
    ...(open && { open }),
    bootId: new DataView(systemRandomBytes(8).buffer).getBigUint64(0) || 1n,
    onBundle: async (address, bundle) => {
      const to = address === '' && answered ? answered : await reach(address, peers);
      const mediaType = isPicture(bundle) ? 'image/png' : BUNDLE_TYPE;
      const reply = await http.exchange(to, bundle, { mediaType });
      [lost, answered] = ['', to];
      return reply;
    },
    // The device tries again for as long as it takes; a person hears of it once.
    onLost: (reason) => {
      if (reason !== lost) talk.say(reason);
      lost = reason;
    },
    onState: (firmware) => talk.say(firmware ? `device: ${firmware}` : 'the device is gone'),
    onMissing: (reason) =>
      talk.say(`waiting for ${path}: ${reason}; \`sotto doctor --serial\` says more`),
    onText: (text) => talk.say(`device says: ${text}`),
  });
}

async function listen(server: Server, { host, port }: BridgeConfig): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

interface Offer {
  readonly config: BridgeConfig;
  readonly serial: SerialLink;
}

async function answer(offer: Offer, request: IncomingMessage, response: ServerResponse) {
  try {
    const path = new URL(request.url ?? '/', 'http://bridge').pathname;
    const { isUp: up, counters: line } = offer.serial;
    if (path === '/packets') await carry(offer.serial, request, response);
    else if (path === '/healthz') reply(response, 200, { up, line });
    else await operate(offer, path, request, response);
  } catch (cause) {
    const status = !(cause instanceof LinkError) ? 500 : cause.failure === 'rejected' ? 413 : 503;
    problem(response, status, cause instanceof LinkError ? cause.message : 'the bridge failed');
  }
}

async function carry(serial: SerialLink, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'POST') return problem(response, 405, 'POST a bundle');
  if (request.headers['content-type']?.split(';', 1)[0]?.trim() !== BUNDLE_TYPE) {
    return problem(response, 415, `only ${BUNDLE_TYPE} is taken`);
  }
  const bundle = await readBody(request);
  if (bundle === undefined) return problem(response, 413, `larger than ${BUNDLE_SIZE_MAX} bytes`);
  if (!isFramed(bundle)) return problem(response, 400, 'that is no bundle');
  const back = await serial.exchange(bundle);
  response.writeHead(200, { 'content-type': BUNDLE_TYPE, 'content-length': back.length });
  response.end(back);
}

/** What a person at this machine may do. */
async function operate(
  { config, serial }: Offer,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const access = PAGES[path];
  if (access === undefined) return problem(response, 404, `there is only ${NAMES}`);
  const method = request.method ?? '';
  const { remoteAddress } = request.socket;
  const { url, headers, headersDistinct } = request;
  const asked = { method, url, remoteAddress, headers, headersDistinct };
  const decision = decide(access, asked, GUARD);
  if (!decision.allowed) return problem(response, 403, decision.code);
  request.resume();
  if (path === '/metrics') {
    const { LineMeters } = await import('./meters.ts');
    const meters = new LineMeters(serial, config.serial);
    const text = await meters.text();
    response.writeHead(200, { 'content-type': meters.contentType });
    return response.end(text);
  }
  const told = deviceFacts(await serial.verb(path.slice(1)));
  if (told === undefined) return problem(response, 502, 'the device answered no JSON');
  const hasBody = Number(request.headers['content-length'] ?? 0) > 0;
  if (path === '/send_msg' && hasBody) return reply(response, 200, { ...told, detail: UNSENT });
  if (path !== '/show') return reply(response, 200, told);
  const { isUp: up, counters: line } = serial;
  reply(response, 200, { ...told, bridge: { serial: config.serial, up, line } });
}

/** The device's answer to a verb; it is not this machine's word, so anything may be in it. */
function deviceFacts(json: string): object | undefined {
  try {
    const facts: unknown = JSON.parse(json);
    return typeof facts === 'object' && facts !== null ? facts : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` if it is larger than a bundle may be. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // To its end, also when it is too large: many clients read no answer before they have written all.
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= BUNDLE_SIZE_MAX) chunks.push(chunk);
  }
  return size > BUNDLE_SIZE_MAX ? undefined : new Uint8Array(Buffer.concat(chunks));
}

/** PNG's signature; no packet is of the type that it would say. SERIAL §5. */
function isPicture(bundle: Uint8Array): boolean {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return signature.every((byte, index) => bundle[index] === byte);
}

/** Whether it is a row of lengths and packets, PROTOCOL §3; their insides are the device's. */
function isFramed(bundle: Uint8Array): boolean {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  let at = 0;
  while (at + 2 <= bundle.length && view.getUint16(at) > 0) at += 2 + view.getUint16(at);
  return at === bundle.length;
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function problem(response: ServerResponse, status: number, detail: string): void {
  const retry = status === 503 ? { 'retry-after': '1' } : {};
  response.writeHead(status, { 'content-type': 'application/problem+json', ...retry });
  response.end(`${JSON.stringify({ status, title: 'the bridge refused', detail })}\n`);
}
