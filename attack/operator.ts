/** B and L: another web site in the operator's browser, and another user of the same machine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { encode } from 'cborg';
import type { PeerProcess } from '../test/support/peer-process.ts';
import type { Attacker, Attempt } from './attempt.ts';
import { message, outbox } from './contact.ts';
import { Rogue } from './rogue.ts';
import { post } from './wire.ts';
import { asOperator, heard, say, type World } from './world.ts';

const TRIGGERS = ['/send_keys', '/send_msg?text=forged', '/decrypt_msg', '/dh-key-exchange'];
const READS = ['/show', '/sensor', '/metrics'];

type Headers = Readonly<Record<string, string>>;

interface Attack {
  readonly by: Attacker;
  readonly tried: string;
  readonly method?: string;
  readonly paths: readonly string[];
  readonly headers: (peer: PeerProcess) => Headers;
  readonly body?: string;
  readonly status: readonly number[];
}

const site = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

const REQUESTS: readonly Attack[] = [
  {
    by: 'B',
    tried: 'a form of another site (a simple request, no preflight)',
    method: 'POST',
    paths: TRIGGERS,
    headers: () => ({ ...site, 'content-type': 'application/x-www-form-urlencoded' }),
    body: 'text=forged',
    status: [403],
  },
  {
    by: 'B',
    tried: 'fetch() of another site with text/plain JSON',
    method: 'POST',
    paths: TRIGGERS,
    headers: () => ({ ...site, 'content-type': 'text/plain' }),
    body: '{"text":"forged"}',
    status: [403],
  },
  {
    by: 'B',
    tried: 'images and links of another site that trigger by GET',
    paths: TRIGGERS,
    headers: () => ({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
    status: [403],
  },
  {
    by: 'B',
    tried: 'a link that the person clicks on another site (top-level navigation)',
    paths: TRIGGERS,
    headers: () => ({
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }),
    status: [403],
  },
  {
    by: 'B',
    tried: 'an opaque origin (sandboxed frame, file://)',
    method: 'POST',
    paths: TRIGGERS,
    headers: () => ({ origin: 'null' }),
    status: [403],
  },
  {
    by: 'B',
    tried: 'reading /show, /sensor and /metrics from another site',
    paths: READS,
    headers: () => site,
    status: [403],
  },
  {
    by: 'B',
    tried: 'EventSource of another site',
    paths: ['/events'],
    headers: () => ({ ...site, accept: 'text/event-stream' }),
    status: [403],
  },
  {
    by: 'B',
    tried: 'DNS rebinding: the name of another site that leads to this address',
    paths: [...TRIGGERS, '/show'],
    headers: ({ port }) => ({ host: `evil.example:${port}` }),
    status: [403],
  },
  {
    by: 'S',
    tried: 'a proxy in front that makes strangers local',
    paths: [...TRIGGERS, '/show'],
    headers: () => ({ 'x-forwarded-for': '203.0.113.9' }),
    status: [403],
  },
];

const LOCAL: readonly Attack[] = [
  {
    by: 'L',
    tried: 'another user on this machine, without the token (`sotto up`)',
    paths: [...TRIGGERS, '/sensor', '/metrics'],
    headers: () => ({}),
    status: [401],
  },
  {
    by: 'L',
    tried: 'the same with a guessed token, Basic, and a cookie of their own',
    paths: [...TRIGGERS, '/sensor'],
    headers: ({ port }) => ({
      authorization: `Bearer ${'A'.repeat(43)}`,
      cookie: `sotto_${port}=${'A'.repeat(43)}`,
    }),
    status: [401],
  },
];

function attemptOf({ by, tried, method = 'GET', paths, headers, body, status }: Attack) {
  return async (peer: PeerProcess): Promise<string> => {
    const seen = new Set<string>();
    for (const path of paths) {
      const answer = await peer.call(method, path, {
        headers: headers(peer),
        ...(body !== undefined && { body }),
      });
      assert.ok(
        status.includes(answer.status),
        `${by} ${tried}: ${path} answered ${answer.status}`,
      );
      const { 'access-control-allow-origin': shared } = answer.headers;
      assert.equal(shared, undefined, `${path} lets another site read it`);
      seen.add(`${answer.status} ${answer.json?.code ?? ''}`.trim());
    }
    return [...seen].join(', ');
  };
}

/** Nothing was sent, opened or paired by any of it. */
function requests(attacks: readonly Attack[], who: (world: World) => PeerProcess) {
  return attacks.map(
    (attack): Attempt<World> => ({
      by: attack.by,
      tried: attack.tried,
      async run(world) {
        const did = await attemptOf(attack)(who(world));
        assert.deepEqual(await heard(world), [], 'a message was forged');
        return `${attack.paths.length} requests: ${did}`;
      },
    }),
  );
}

const preflight: Attempt<World> = {
  by: 'B',
  tried: 'a preflight for POST with JSON and a token header',
  async run({ alice }) {
    const { status, headers } = await alice.call('OPTIONS', '/send_msg', {
      headers: { ...site, 'access-control-request-method': 'POST' },
    });
    const allowing = Object.keys(headers).filter((name) => name.startsWith('access-control'));
    assert.deepEqual(allowing, []);
    return `${status}, no Access-Control header: the browser sends nothing`;
  },
};

const paths: Attempt<World> = {
  by: 'B',
  tried: 'paths that mean another: //, /../, %2e%2e, %00, absolute URLs, very long ones',
  async run({ alice }) {
    const lines = [
      'GET //send_keys HTTP/1.1',
      'GET /x/../send_keys HTTP/1.1',
      'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1',
      'GET /..%2f..%2fetc%2fpasswd HTTP/1.1',
      'GET /healthz/../send_keys HTTP/1.1',
      'GET /send%5fkeys HTTP/1.1',
      'GET /messages/..%2f..%2fpeer.key HTTP/1.1',
      'GET /web/..%2f..%2fpackage.json HTTP/1.1',
      'GET /messages/1%00 HTTP/1.1',
      'GET /messages/-1 HTTP/1.1',
      'GET /%ff HTTP/1.1',
      'GET http://evil.example/send_keys HTTP/1.1',
      `GET /${'a'.repeat(15_000)} HTTP/1.1`,
    ];
    const statuses = [];
    // Also as a program of this machine, whom nothing but the path keeps out.
    for (const line of lines.flatMap((each) => [each, `${each}\r\nSec-Fetch-Site: cross-site`])) {
      const answer = await raw(
        alice.port,
        `${line}\r\nHost: 127.0.0.1:${alice.port}\r\nConnection: close\r\n\r\n`,
      );
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
      assert.ok(status >= 400 && status < 500, `${line.slice(0, 60)} answered ${status}`);
      assert.doesNotMatch(answer, /root:x|PRIVATE/);
      statuses.push(status);
    }
    return `${lines.length} paths: ${[...new Set(statuses)].join(', ')}`;
  },
};

const headers: Attempt<World> = {
  by: 'B',
  tried: 'header smuggling: two Hosts, Origins or Sec-Fetch-Sites, names in two places, spaces',
  async run({ alice }) {
    const [host, own] = [`Host: 127.0.0.1:${alice.port}`, `http://127.0.0.1:${alice.port}`];
    const evil = 'evil.example';
    const cases: readonly (readonly string[])[] = [
      [host, `Host: ${evil}`],
      [`Host: ${evil}`, host],
      [`Host: 127.0.0.1:${alice.port}@${evil}`],
      [`Host: 127.0.0.1.${evil}`],
      ['Host:'],
      [],
      [host, `Origin: ${own}`, `Origin: https://${evil}`],
      [host, 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
      [host, 'X-Forwarded-For : 203.0.113.9'],
      [host, 'Forwarded: for=203.0.113.9'],
      [host, 'Via: 1.1 proxy'],
      [host, 'X-Real-IP: 203.0.113.9'],
    ];
    const statuses = new Set<string>();
    for (const path of ['/send_keys', '/show']) {
      for (const lines of cases) {
        const head = [`GET ${path} HTTP/1.1`, ...lines, 'Connection: close'].join('\r\n');
        const answer = await raw(alice.port, `${head}\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 40[03] /, `${path} with ${lines.join(', ')}`);
        statuses.add(answer.slice(9, 12));
      }
    }
    return `${2 * cases.length} requests: ${[...statuses].join(', ')}`;
  },
};

const smuggling: Attempt<World> = {
  by: 'S',
  tried: 'request smuggling: two lengths, length and chunks, a bad chunk, a folded header',
  async run(world) {
    const head = `POST /packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n`;
    const inner = `POST /send_msg?text=smuggled HTTP/1.1\r\nHost: 127.0.0.1:${world.alice.port}\r\n\r\n`;
    const cases = [
      `${head}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      `${head}Content-Length: ${inner.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
      `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
      `${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${inner}`,
      `${head}X-A: b\r\n c: d\r\nContent-Length : 0\r\n\r\n${inner}`,
    ];
    for (const each of cases) {
      const answer = await raw(world.alice.port, each);
      assert.match(answer, /^HTTP\/1\.1 4\d\d/, 'the outer request was taken');
      const answers = answer.match(/^HTTP\/1\.1 \d/gm) ?? [];
      assert.equal(answers.length, 1, `the inner request was answered: ${answer}`);
    }
    assert.deepEqual(await heard(world), [], 'a smuggled message was sent');
    return `${cases.length} requests: 400 and the connection closed, the inner one never seen`;
  },
};

const jsonBombs: Attempt<World> = {
  by: 'L',
  tried: 'JSON of 4 MiB, nested 100,000 deep, with __proto__ and constructor, of other types, cut',
  async run(world) {
    const { alice } = world;
    const send = (body: string) =>
      alice.call('POST', '/send_msg', { body, headers: { 'content-type': 'application/json' } });
    const cases: readonly (readonly [string, string])[] = [
      ['4 MiB', JSON.stringify({ text: 'x'.repeat(4 * 1024 * 1024), to: 'bob' })],
      ['100,000 deep', `{"text":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
      ['__proto__', '{"__proto__":{"text":"forged","to":"bob"}}'],
      ['constructor', '{"text":"x","to":"bob","constructor":{"prototype":{"a":1}}}'],
      ['a number as text', '{"text":7,"to":"bob"}'],
      ['not JSON', '{"text":'],
    ];
    const statuses = [];
    for (const [what, body] of cases) {
      const { status } = await send(body);
      assert.ok(status >= 400 && status < 500, `${what} answered ${status}`);
      statuses.push(status);
    }
    assert.deepEqual(await heard(world), []);
    return `${cases.length} bodies: ${statuses.join(', ')}`;
  },
};

const scripts: Attempt<World> = {
  by: 'C',
  tried: 'script in a text, a file name, a contact name and a sensor, on the page and in JSON',
  async run(world) {
    const script = '<script>alert(1)</script><img src=x onerror=alert(1)>';
    await bringScripts(world, script);
    await say(world, script);
    const headers = { authorization: `Bearer ${world.bob.token}` };
    for (const path of ['/messages', '/sensor', '/sensor?rows=true', '/contacts', '/metrics']) {
      const answer = await world.bob.call('GET', path, { headers });
      assert.equal(answer.headers['x-content-type-options'], 'nosniff', path);
      assert.doesNotMatch(String(answer.headers['content-type']), /html|svg|xml/, path);
    }
    const page = await world.bob.call('GET', '/');
    assert.ok(!page.text.includes(script), 'the page holds the script');
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'none'|default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
    const show = await world.bob.call('GET', '/show');
    assert.match(String(show.headers['content-type']), /^application\/json/);
    assert.equal(show.headers['x-content-type-options'], 'nosniff');
    assert.ok((await heard(world)).includes(script), 'the text itself is kept');
    return 'never HTML: JSON with nosniff, a page whose policy allows no inline script';
  },
};

/** By a contact who is named so, in a file that is named so, from a sensor that is named so. */
async function bringScripts({ bob, toBob }: World, script: string): Promise<void> {
  const mallory = await Rogue.open('<b onclick=alert(1)>');
  try {
    const contact = await mallory.meet(bob, toBob.address);
    const name = Buffer.from(`${script}.html`);
    const media = Buffer.from('text/html');
    const file = Buffer.concat([
      ...[Uint8Array.of(2, name.length), name, Uint8Array.of(media.length), media],
      Buffer.from(script),
    ]);
    const record = new Map<number, unknown>([
      [0, script],
      [1, script],
      [2, 1],
      [6, 1_700_000_000],
    ]);
    const pack = Buffer.concat([Uint8Array.of(3), encode([record])]);
    const contents = [file, pack].map((each) => Uint8Array.from(each));
    const payloads = contents.map((content, at) => message(BigInt(at), content));
    for (const payload of payloads)
      await post(bob.origin, [mallory.seal(contact, [outbox(), payload])]);
    const headers = { authorization: `Bearer ${bob.token}` };
    const { json } = await asOperator(bob, '/decrypt_msg');
    const brought = (json.messages as readonly { content?: string }[]).find((each) => each.content);
    assert.ok(brought?.content, 'the file arrived');
    const { headers: served } = await bob.call('GET', brought.content, { headers });
    assert.match(String(served['content-disposition']), /^attachment/, 'it is opened as a page');
  } finally {
    mallory.close();
  }
}

async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.setTimeout(15_000, () => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

const onDemo = requests(REQUESTS, ({ alice }) => alice);

export const OPERATOR: readonly Attempt<World>[] = [
  ...onDemo,
  preflight,
  paths,
  headers,
  smuggling,
  jsonBombs,
  scripts,
];

/** On peers that run as `sotto up` does. */
export const OTHER_USER: readonly Attempt<World>[] = requests(LOCAL, ({ alice }) => alice);
