/**
 * Goal: what a person says is understood whichever way it is said, and what is wrong with it is
 * told by name and place, never by quoting it.
 * Method: the real app above a messenger that only remembers; JSON.parse as the oracle.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { doubledKeyIndex, jsonErrorIndex } from '../../src/json.ts';
import { rounds } from '../support/counts.ts';
import { form, json, peer } from '../support/operator.ts';

t.test('fields mean the same in a query, in JSON and in a form', async (t) => {
  const { ask, asked } = await peer(t);
  const query = 'to=bob&address=http%3A%2F%2F127.0.0.1%3A5001&again=true';
  const request = { to: 'bob', address: 'http://127.0.0.1:5001', again: true };
  await ask(`GET /send_keys?${query}`);
  await ask(`POST /send_keys?${query}`);
  await ask('POST /send_keys', json, JSON.stringify(request));
  await ask('POST /send_keys', form, JSON.stringify(request));
  await ask('POST /send_keys', form, query);
  t.strictSame(
    asked,
    asked.map(() => ({ name: 'sendKeys', request })),
  );
  t.equal(asked.length, 5);
  await ask('POST /send_keys');
  t.strictSame(asked[5], { name: 'sendKeys', request: {} }, 'a bare curl -X POST');
});

t.test('a field that is wrong is named, its value is not', async (t) => {
  const { ask, asked } = await peer(t);
  const cases: readonly [string, OutgoingHttpHeaders, string, RegExp][] = [
    ['/send_msg', json, '{"text": "hush", "too": "bob"}', /"too"/],
    ['/send_msg', json, '{"to": "bob"}', /text/],
    ['/send_msg', json, '', /text/],
    ['/send_msg', json, '{"text": ["hush"]}', /text: .*string/],
    ['/send_msg', json, '{"text": ""}', /text/],
    ['/send_msg', json, '{"text": "hush\\ud800"}', /text: .*surrogate/],
    ['/send_msg', json, '{"text": "hush", "wait": 61}', /wait/],
    ['/send_msg', json, '{"text": "hush", "carrier": "pigeon"}', /carrier/],
    ['/send_msg', json, '["hush"]', /object/],
    ['/send_msg', json, '{"text": "hush"', /line 1, column 16/],
    ['/send_msg', json, '{"text": hush}', /line 1, column 10/],
    ['/send_msg', json, '{\n  "text": "hush",\n}', /line 3, column 1/],
    ['/send_msg', json, '{"text": "hush", "text": "hush"}', /key twice, at line 1, column 18/],
    ['/send_msg', json, '{"text": "hush", "\\u0074ext": "hush"}', /key twice/],
    ['/send_msg', form, '', /text: is missing/],
    ['/send_msg', form, '[1]', /no object.*\?name=/],
    ['/send_msg', form, ' null\n', /no object/],
    ['/send_msg', form, '"hush"', /no object/],
    ['/send_msg', json, 'null', /object/],
    ['/send_msg', form, 'to=bob', /text: is missing/],
    ['/send_msg', form, 'wait=1&message=hush', /text: is missing.*"message"/],
    ['/send_msg?text=a', json, '{"text": "hush"}', /twice|query and in the body/],
    ['/send_msg?to=a&to=b', json, '{"text": "hush"}', /to: /],
    ['/send_msg', form, 'text=hush&text=hush', /twice/],
    ['/send_keys', json, '{"__proto__": {"to": "bob"}}', /__proto__/],
    ['/send_keys', json, `{"to": "${'é'.repeat(33)}"}`, /to: .*64 bytes/],
    ['/send_keys', json, '{"to": "b\\u0000b"}', /to: .*control/],
    ['/send_keys', json, '{"to": " "}', /to: .*a space/],
    ['/send_keys', json, '{"to": "ben "}', /to: .*a space/],
    ['/send_keys', json, '{"to": "b\\u200den"}', /to: .*cannot be seen/],
    ['/send_keys', json, '{"to": "\\u202enimda"}', /to: .*cannot be seen/],
    ['/send_keys', json, '{"again": "perhaps"}', /again/],
    ['/decrypt_msg', json, '{"form": "bob"}', /"form"/],
    ['/verify', json, '{"code": "12345"}', /code: .*six digits/],
    ['/verify', json, '{}', /code/],
  ];
  for (const [path, headers, body, detail] of cases) {
    const { status, text } = await ask(`POST ${path}`, headers, body);
    t.match([status, JSON.parse(text).code], [400, 'invalid_request'], `${path} ${body}`);
    t.match(JSON.parse(text).detail, detail);
    t.notMatch(text, /hush/);
  }
  t.strictSame(asked, []);
});

t.test('the place of a JSON error is where JSON.parse stumbles', async (t) => {
  const alphabet = ['{', '}', '[', ']', ',', ':', '"a"', '"\\u00e9', '1', '-0.5e+3', '01', 'true'];
  const piece = fc.constantFrom(...alphabet, 'nul', ' ', '\n', '\\', '"', '\u0007', 'é');
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.tuple(fc.json(), fc.nat(), piece).map(([valid, at, inserted]) => {
      const index = at % (valid.length + 1);
      return valid.slice(0, index) + inserted + valid.slice(index);
    }),
  );
  const agree = fc.property(texts, (text) => {
    const index = jsonErrorIndex(text);
    try {
      JSON.parse(text);
      return index === undefined;
    } catch {
      // Whatever stands before the place can still become JSON; with the place it cannot.
      return index !== undefined && index <= text.length;
    }
  });
  fc.assert(agree, { numRuns: rounds({ reduced: 2_000, full: 50_000 }) });
  const keyed = fc.dictionary(fc.constantFrom('a', '"', '\\', 'ä', 'b:'), fc.jsonValue());
  const single = fc.property(
    fc.oneof(fc.jsonValue(), keyed),
    fc.constantFrom('', '\n'),
    (value, by) => {
      const text = JSON.stringify(value, null, by);
      const doubled = `[${text}, {"x": ${text}, "y": {"x": 1}, "x" : 2}]`;
      return doubledKeyIndex(text) === undefined && doubledKeyIndex(doubled) === doubled.length - 9;
    },
  );
  fc.assert(single, { numRuns: rounds({ reduced: 500, full: 50_000 }) });
  t.equal(jsonErrorIndex('{"a": [1, 2,, 3]}'), 12);
  t.equal(jsonErrorIndex('[true, nul]'), 7);
  t.equal(jsonErrorIndex('{"a" 1}'), 5);
  t.equal(jsonErrorIndex('{"a": "b'), 6);
  t.equal(jsonErrorIndex('{} {}'), 3);
});
