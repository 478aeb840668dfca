/**
 * Goal: a request says in any usual way what is to be hidden in what, and is answered with figures,
 * a file, or what was wrong with it; nothing larger than its limit is kept.
 * Method: the real operator side above a messenger that only remembers what it was asked; bodies
 * as browsers and curl send them, whole and cut at every byte.
 */
import t from 'tap';
import { UseCaseError } from '../../src/messenger/index.ts';
import { json, peer, withToken } from '../support/operator.ts';

const CRLF = '\r\n';
const form = { 'content-type': 'multipart/form-data; boundary=edge' };

interface Part {
  /** None: a part whose header names nothing. */
  readonly name?: string;
  readonly file?: string;
  readonly value: string;
}

function bodyOf(...parts: readonly Part[]): string {
  const heads = parts.map(({ name, file, value }) => {
    const given = name === undefined ? '' : `; name="${name}"`;
    const fileName = file === undefined ? '' : `; filename="${file}"${CRLF}Content-Type: image/png`;
    return `--edge${CRLF}Content-Disposition: form-data${given}${fileName}${CRLF}${CRLF}${value}${CRLF}`;
  });
  return `${heads.join('')}--edge--${CRLF}`;
}

const cover: Part = { name: 'cover', file: 'beach.png', value: 'PNG' };
const text: Part = { name: 'text', value: 'hi' };

t.test('/pictures/capacity measures the PNG in its body, and takes no other field', async (t) => {
  const { ask, asked } = await peer(t);
  const png = { 'content-type': 'image/png' };
  const { status, text } = await ask('POST /pictures/capacity?size=20', png, new Uint8Array(60));
  t.equal(status, 200);
  t.match(JSON.parse(text), { width: 9, profile: 'max', bytes: 7, used: false, pixels_needed: 99 });
  t.strictSame(asked, [{ name: 'forecastCover', request: { cover: 60, size: 20 } }]);
  t.equal((await ask('POST /pictures/capacity?size=0', png, new Uint8Array(60))).status, 400);
  t.equal((await ask('POST /pictures/capacity?sise=9', png, new Uint8Array(60))).status, 400);
  t.equal((await ask('POST /pictures/capacity', png, new Uint8Array(33 << 20))).status, 413);
});
t.test('/pictures/preview answers a picture, for a size that must be given', async (t) => {
  const { ask, asked } = await peer(t);
  const png = { 'content-type': 'image/png' };
  const { status, headers, text } = await ask('POST /pictures/preview?size=20', png, 'PNG');
  t.equal(status, 200);
  t.equal(headers['content-type'], 'image/png');
  t.equal(text, '\u0007');
  t.strictSame(asked, [{ name: 'previewCover', request: { cover: 3, size: 20 } }]);
  t.equal((await ask('POST /pictures/preview', png, 'PNG')).status, 400);
});
t.test('a form brings text or file, and a cover, in any order', async (t) => {
  const { ask, asked } = await peer(t);
  const sent = await ask('POST /send_msg', form, bodyOf(cover, text, { name: 'to', value: 'bob' }));
  t.equal(sent.status, 202);
  t.match(JSON.parse(sent.text), {
    to: 'bob',
    id: 'e-2',
    picture: { cover: 'beach.png', psnr_dB: 61.5, bits_per_sample: 0.03, changed_samples: 5 },
  });
  const file: Part = { name: 'file', file: 'dir/plan.txt', value: 'the plan' };
  await ask('POST /send_msg?carrier=image&wait=2', form, bodyOf(file, { ...cover, file: '' }));
  await ask('POST /send_msg', form, bodyOf(file));
  t.strictSame(
    asked.map(({ name, request }) => [name, request]),
    [
      [
        'sendPicture',
        {
          to: 'bob',
          carry: false,
          content: { type: 'text', text: 'hi', bytes: undefined },
          cover: { name: 'beach.png', png: 3 },
        },
      ],
      [
        'sendPicture',
        {
          wait_ms: 2_000,
          carry: false,
          content: { type: 'file', name: 'plan.txt', mediaType: 'image/png', bytes: 'the plan' },
          cover: { png: 3 },
        },
      ],
      [
        'sendMessage',
        { content: { type: 'file', name: 'plan.txt', mediaType: 'image/png', bytes: 'the plan' } },
      ],
    ],
  );
});

t.test('without a cover the folder gives one, whatever the message is', async (t) => {
  const { ask, asked } = await peer(t);
  await ask('POST /send_msg', json, '{"text":"hi","carrier":"image","force":true,"profile":"max"}');
  await ask('POST /send_msg?carrier=image&name=a', {}, 'x');
  await ask('GET /send_msg?carrier=image');
  t.match(asked, [
    {
      name: 'sendPicture',
      request: { carry: false, force: true, profile: 'max', cover: undefined },
    },
    { name: 'sendPicture', request: { content: { type: 'file', name: 'a', bytes: 'x' } } },
    { name: 'sendPicture', request: { content: { type: 'text', text: 'Hello from alice.' } } },
  ]);
});

t.test('a cover of the folder is listed, seen and named, with the token alone', async (t) => {
  const { ask, asked } = await peer(t);
  const content = '/pictures/covers/a%20b.png';
  const listed = await ask('GET /pictures/covers', withToken);
  t.strictSame(JSON.parse(listed.text), {
    path: '/data/covers',
    covers: [{ name: 'a b.png', content }],
  });
  const { text, headers } = await ask(`GET ${content}`, withToken);
  t.equal(text, '\u0005');
  t.equal(headers['content-type'], 'image/png');
  t.strictSame(asked, [{ name: 'folderCover', request: 'a b.png' }]);
  for (const path of ['/pictures/covers', content]) t.equal((await ask(`GET ${path}`)).status, 401);

  await ask('POST /send_msg', json, '{"text":"hi","cover_name":"a b.png"}');
  t.match(asked.at(-1), { name: 'sendPicture', request: { coverName: 'a b.png' } });
  const hi: Part = { name: 'text', value: 'hi' };
  const both = bodyOf(hi, cover, { name: 'cover_name', value: 'a b.png' });
  t.equal((await ask('POST /send_msg', form, both)).status, 400);
  const stray = '{"text":"hi","carrier":"file","cover_name":"a b.png"}';
  t.equal((await ask('POST /send_msg', json, stray)).status, 400);
});

t.test('the picture itself is answered to who asks for it', async (t) => {
  const { ask, asked } = await peer(t);
  const wishes = [
    await ask('POST /send_msg', { ...form, accept: 'image/png' }, bodyOf(text, cover)),
    await ask('POST /send_msg', form, bodyOf(text, cover, { name: 'answer', value: 'file' })),
  ];
  for (const { status, headers } of wishes) {
    t.equal(status, 200);
    t.match(headers, {
      'content-type': 'image/png',
      'content-disposition': 'attachment; filename="beach.png"',
      'sotto-message-id': 'e-2',
      'sotto-psnr-db': '61.50',
      'sotto-bits-per-sample': '0.0300',
      'sotto-warning': /bits a sample/,
    });
  }
  t.match(asked, [{ request: { carry: true } }, { request: { carry: true } }]);
  const browser = { ...form, accept: '*/*' };
  t.equal((await ask('POST /send_msg', browser, bodyOf(text, cover))).status, 202);
});

t.test('what is wrong with a form is named, and nothing is asked', async (t) => {
  const { ask, asked } = await peer(t);
  const many = Array.from({ length: 30 }, (_, i): Part => ({ name: `a${i}`, value: '' }));
  const cases: readonly (readonly [readonly Part[], number, RegExp])[] = [
    [[cover], 400, /either "text" or "file"/],
    [[text, cover, cover], 400, /"cover" is given twice/],
    [[text, text], 400, /"text" is given twice/],
    [[text, { name: 'cover', value: 'no file' }], 400, /"cover" must be a file/],
    [[{ ...text, file: 'a.txt' }], 400, /"text" must not be a file/],
    [[text, { name: 'secret-field', value: 'SECRET' }], 400, /secret-field/],
    [[text, { name: 'answer', value: 'file' }], 400, /"answer" goes with "carrier": "image"/],
    [[text, cover, { name: 'carrier', value: 'file' }], 400, /"cover" goes with/],
    [[text, { value: '1' }], 400, /a part has no name/],
    [[{ value: '1' }, { value: '2' }], 400, /a part has no name/],
    [[text, { name: '', value: '1' }], 400, /a part has no name/],
    [[text, { file: 'a.png', value: 'PNG' }], 400, /a part has no name|must not be a file/],
    [[text, { name: 'constructor', file: 'a', value: 'b' }], 400, /"constructor" must not be/],
    [[text, { name: '__proto__', value: 'b' }], 400, /__proto__/],
    [[text, ...many], 400, /too many parts/],
    [[{ name: 'text', value: 'x'.repeat((1 << 20) + 1) }], 413, /too long/],
    [[text, { ...cover, value: 'x'.repeat((32 << 20) + 1) }], 413, /"cover" is larger/],
    [[{ name: 'file', file: 'a', value: 'x'.repeat((16 << 20) + 1) }], 413, /"file" is larger/],
  ];
  for (const [parts, status, detail] of cases) {
    const refused = await ask('POST /send_msg', form, bodyOf(...parts));
    t.equal(refused.status, status, `${detail}`);
    t.match(JSON.parse(refused.text).detail, detail);
    t.notMatch(refused.text, /SECRET/);
  }
  t.equal((await ask('POST /send_msg', form, new Uint8Array(60 << 20))).status, 413);
  const bare = { 'content-type': 'multipart/form-data' };
  t.match((await ask('POST /send_msg', bare, bodyOf(text))).text, /no boundary/);
  t.match(
    (await ask('POST /send_msg?to=a', form, bodyOf(text, { name: 'to', value: 'b' }))).text,
    /in the query and in the body/,
  );
  t.strictSame(asked, []);
});

t.test('a form that is cut short anywhere is refused', async (t) => {
  const { ask, asked } = await peer(t);
  const whole = bodyOf(text, cover);
  for (let size = 0; size < whole.length - 4; size += 1) {
    const { status } = await ask('POST /send_msg', form, whole.slice(0, size));
    if (status !== 400) t.fail(`${size} of ${whole.length} bytes: ${status}`);
  }
  t.strictSame(asked, []);
  t.equal((await ask('POST /send_msg', form, whole)).status, 202);
});

t.test('a picture brought by hand is known by its first bytes', async (t) => {
  const { ask, asked } = await peer(t);
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1);
  const received = await ask('POST /receive', {}, png);
  t.match(JSON.parse(received.text), {
    from: 'bob',
    messages: 1,
    cover: { id: 3, sha256: 'c0', psnr_dB: 60, content: '/covers/3' },
  });
  await ask('POST /receive', {}, png.subarray(1));
  t.strictSame(
    asked.map(({ name }) => name),
    ['readPicture', 'readLetter'],
  );
  const unreadable = await peer(t, {
    readPicture: async () => {
      throw new UseCaseError('picture_unreadable', 'no message for this key');
    },
  });
  t.equal((await unreadable.ask('POST /receive', {}, png)).status, 422);
});

t.test('restored covers are listed and had, with the token only', async (t) => {
  const { ask } = await peer(t);
  for (const path of ['/covers', '/covers/3']) {
    t.equal((await ask(`GET ${path}`)).status, 401, path);
  }
  const { text } = await ask('GET /covers', withToken);
  const proof = { id: 3, from: 'bob', message: 'e-1', sha256: 'c0', psnr_dB: 60 };
  t.match(JSON.parse(text), { covers: [{ ...proof, content: '/covers/3' }] });
  const cover = await ask('GET /covers/3', withToken);
  t.match(cover.headers, { 'content-type': 'image/png', 'sotto-cover-sha256': 'c0' });
  t.equal(cover.text, '\u0001\u0002\u0003\u0004');
  for (const id of ['0', 'x', '-1']) {
    t.equal((await ask(`GET /covers/${id}`, withToken)).status, 404, id);
  }
});
