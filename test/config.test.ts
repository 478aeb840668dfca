/**
 * Goal: a peer is what its file, environment and flags say, in this order, or says what is wrong.
 * Method: give each source by hand; no test reads the machine's own environment.
 */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  ConfigError,
  explainConfig,
  findDataFolder,
  loadConfig,
  optionRows,
  originOf,
  wantsColor,
} from '../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-config-'));
t.teardown(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

t.test('a peer that is told nothing is careful', async (t) => {
  t.match(loadConfig([], { XDG_DATA_HOME: '/data' }), {
    host: '127.0.0.1',
    port: 5000,
    dataFolder: '/data/sotto',
    address: undefined,
    contacts: [],
    demo: false,
    trust: 'verified',
    crypto: 'openssl',
    printMessages: false,
    allowedHosts: [],
    behindProxy: false,
    logLevel: 'info',
    passphrase: undefined,
  });
});

t.test('flags overrule the environment, and that the file', async (t) => {
  const config = file('all.json', '{"name": "file", "port": 1, "host": "::1", "demo": true}');
  const environment = { SOTTO_CONFIG: config, SOTTO_NAME: 'environment', SOTTO_PORT: '2' };
  t.match(loadConfig(['--port', '3'], environment), {
    name: 'environment',
    port: 3,
    host: '::1',
    demo: true,
  });
  const origins = explainConfig(['--port=3'], environment);
  t.strictSame(
    origins.map(({ name, from }) => [name, from]).filter(([, from]) => from !== 'default'),
    [
      ['name', 'SOTTO_NAME'],
      ['host', `${config}:1`],
      ['port', '--port'],
      ['demo', `${config}:1`],
    ],
  );
});

t.test('the demonstration is open, unless told otherwise', async (t) => {
  t.match(loadConfig(['--demo'], {}), { demo: true, trust: 'tofu', printMessages: true });
  const strict = loadConfig(['--demo', '--trust', 'verified', '--no-print-messages'], {});
  t.match(strict, { demo: true, trust: 'verified', printMessages: false });
});

t.test('readings are forwarded to addresses without a password', async (t) => {
  const good = [
    'postgres://clinic@db.lan:5433/readings?sslrootcert=/etc/ca.pem',
    'postgresql://clinic@socket/readings?host=/run/postgresql',
    'postgres://127.0.0.1/readings?sslmode=disable',
  ];
  t.strictSame(
    loadConfig(
      good.flatMap((url) => ['--forward', url]),
      {},
    ).forward,
    good,
  );
  t.strictSame(loadConfig([], {}).forward, []);
  for (const url of [
    'postgres://clinic:hunter2@db.lan/readings',
    'postgres://db.lan/readings?password=hunter2',
    'postgres://db.lan/readings?sslmode=hunter2',
    'postgres://hunter2/',
    'https://hunter2/readings',
    'hunter2',
  ]) {
    const refused = () => loadConfig(['--forward', url], {});
    t.throws(refused, { name: 'ConfigError', message: /^forward must .*PGPASSFILE.*\(from --for/ });
    t.throws(refused, { message: /^(?!.*hunter2)/ }, 'and what was given is not repeated');
  }
});

t.test('lists come from each source', async (t) => {
  const bob = { name: 'bob', address: 'http://127.0.0.1:5001' };
  const eve = { name: 'eve', address: 'http://[::1]:7' };
  const texts = ['bob=http://127.0.0.1:5001', 'eve=http://[::1]:7'];
  const flags = texts.flatMap((text) => ['--contact', text]);
  t.strictSame(loadConfig(flags, {}).contacts, [bob, eve]);
  t.strictSame(loadConfig([], { SOTTO_CONTACT: texts.join(',') }).contacts, [bob, eve]);
  const config = file('list.json', JSON.stringify({ contact: texts, 'allow-host': ['A.example'] }));
  t.match(loadConfig(['--config', config], {}), {
    contacts: [bob, eve],
    allowedHosts: ['a.example'],
  });
});

t.test('what cannot be used is named, with its source', async (t) => {
  const cases: readonly (readonly [readonly string[], Record<string, string>, RegExp])[] = [
    [
      ['--port', '70000'],
      {},
      /^port must be a number from 0 to 65535, not "70000" \(from --port\)/,
    ],
    [['--port', 'http'], {}, /^port must/],
    [['--port', ''], {}, /^port must/],
    [['--port', '-1'], {}, /^Option '--port' argument is ambiguous\. `sotto up --help`[^\n]*$/],
    [[], { SOTTO_PORT: '1e3' }, /^port must .* \(from SOTTO_PORT\)/],
    [[], { SOTTO_DEMO: 'yes' }, /^demo must be true or false, not "yes"/],
    [['--trust', 'blind'], {}, /^trust must be tofu or verified, not "blind"/],
    [['--name', 'x'.repeat(65)], {}, /^name must be 1 to 64 bytes/],
    [['--name', 'é'.repeat(33)], {}, /^name must/],
    [['--name', 'a\u001b[31mb'], {}, /^name must/],
    [['--name', ''], {}, /^name must/],
    [['--address', 'https://a.example'], {}, /^address must look like http:/],
    [['--address', 'http://a.example:5000/'], {}, /^address must/],
    [['--address', 'http://u@a.example:5000'], {}, /^address must/],
    [['--address', 'http://a.example'], {}, /^address must/],
    [['--address', 'a.example:5000'], {}, /^address must/],
    [['--contact', 'bob'], {}, /^contact must look like bob=http/],
    [['--contact', '=http://127.0.0.1:1'], {}, /^contact must/],
    [['--contact', 'bob =http://127.0.0.1:1'], {}, /^contact must/],
    [['--allow-host', 'a.example:80'], {}, /^allow-host must be a host name without port/],
    [['--prot', '5'], {}, /^Unknown option '--prot'\. Did you mean --port\? `sotto up --help`/],
    [['--nothing-like-it', '5'], {}, /^Unknown option '--nothing-like-it'\. `sotto up --help`/],
    [['--passphrase', 'sesame'], {}, /^Unknown option '--passphrase'\. Did you mean --passphrase-/],
    [[], { SOTTO_PROT: '5' }, /^There is no setting SOTTO_PROT\. Did you mean SOTTO_PORT\?/],
    [[], { SOTTO_PASPHRASE: 'x' }, /Did you mean SOTTO_PASSPHRASE\?/],
    [
      ['--config', file('e.json', '{"keep-reading": 1}')],
      {},
      /^There is no setting "keep-reading" \(from .*e\.json:1\)\. Did you mean keep-readings\?/,
    ],
    [['--port'], {}, /--port/],
    [['5000'], {}, /'5000'/],
    [['--announce'], {}, /^announce is of no use where nobody can call 127\.0\.0\.1: give --host/],
    [['--demo', '--behind-proxy'], {}, /exclude each other/],
    [
      ['--config', file('a.json', '{\n  "port": 1,\n  "colour": 1\n}')],
      {},
      /^There is no setting "colour" \(from .*a\.json:3\)\. .* --help/,
    ],
    [['--config', file('d.json', '{"name": "a",\n"port": "x"}')], {}, /\(from .*d\.json:2\)/],
    [['--config', file('b.json', '{"port": 1,}')], {}, /b\.json: .* from line 1, column 12/],
    [['--config', file('c.json', '[]')], {}, /c\.json must hold one JSON object/],
    [['--config', join(folder, 'none.json')], {}, /from .*none\.json: it is not there/],
    [['--passphrase-file', join(folder, 'none')], {}, /^The passphrase cannot be read/],
    [['--passphrase-file', file('empty', '\n')], {}, /^The passphrase is empty/],
    [['--passphrase-fd', '999'], {}, /^The passphrase cannot be read from descriptor 999/],
    [['--passphrase-fd', '3'], { SOTTO_PASSPHRASE: 'sesame' }, /in one way only/],
  ];
  for (const [flags, environment, message] of cases) {
    t.throws(() => loadConfig(flags, environment), { name: 'ConfigError', message }, `${message}`);
  }
  t.throws(() => loadConfig(['--nonsense'], {}), ConfigError);
});

t.test('what never ends is read no further than the bound', async (t) => {
  const message = /from \/dev\/zero: it has more than 1048576 bytes/;
  for (const option of ['--config', '--passphrase-file']) {
    t.throws(() => loadConfig([option, '/dev/zero'], {}), { name: 'ConfigError', message }, option);
  }
});

t.test('a setting that stands twice in a file is refused, not half obeyed', async (t) => {
  const twice = file('twice.json', '{"port": 1,\n "port": 2}');
  const message = /twice\.json: the JSON has a key twice, at line 2, column 2/;
  t.throws(() => loadConfig(['--config', twice], {}), { name: 'ConfigError', message });
});

t.test('a passphrase is one line from a file, a descriptor or the environment', async (t) => {
  const path = file('passphrase', 'open sesame\r\nsecond line\n');
  const expected = new TextEncoder().encode('open sesame');
  t.strictSame(loadConfig(['--passphrase-file', path], {}).passphrase, expected);
  const descriptor = openSync(path, 'r');
  t.strictSame(loadConfig([`--passphrase-fd=${descriptor}`], {}).passphrase, expected);
  t.strictSame(loadConfig([], { SOTTO_PASSPHRASE: 'open sesame' }).passphrase, expected);
  const explained = JSON.stringify(explainConfig([], { SOTTO_PASSPHRASE: 'open sesame' }));
  t.notMatch(explained, 'sesame', 'and --print-config does not print it');
  t.throws(() => loadConfig(['--passphrase', 'x'], {}), ConfigError, 'never an argument');
});

t.test('every setting is explained, also one that nobody has set', async (t) => {
  const explained = explainConfig([], { XDG_DATA_HOME: '/data', SOTTO_PASSPHRASE: 'sesame' });
  const names = explained.map(({ name }) => `--${name}`);
  t.strictSame(names, [...optionRows().map(([flag]) => flag.split(' ')[0]), '--passphrase']);
  const of = (name: string) => explained.find((each) => each.name === name);
  t.strictSame(of('port'), { name: 'port', value: 5000, from: 'default' });
  t.strictSame(of('data-dir'), { name: 'data-dir', value: '/data/sotto', from: 'default' });
  t.match(of('keep-readings'), { value: 400 });
  t.match(of('address'), { value: null }, 'there is none');
  t.match(of('passphrase'), { value: '…', from: 'SOTTO_PASSPHRASE' });
  const unread = ['passphrase-file', 'passphrase-fd', 'address'];
  const unknown = explained.filter(({ value }) => value === null).map(({ name }) => name);
  t.strictSame(unknown.sort(), unread.sort(), 'all others have a value');
  t.doesNotThrow(() => explainConfig([], { SOTTO_OTHER_PROGRAM: '1' }));
});

t.test('small readers', async (t) => {
  t.equal(findDataFolder('/a/../b', {}), '/b');
  t.equal(findDataFolder(undefined, { SOTTO_DATA_DIR: '/c' }), '/c');
  t.equal(wantsColor({}), true);
  t.equal(wantsColor({ NO_COLOR: '' }), true);
  t.equal(wantsColor({ NO_COLOR: '0' }), false);
  t.equal(originOf('::1', 5000), 'http://[::1]:5000');
  t.equal(originOf('0.0.0.0', 5000), undefined);
  t.strictSame(optionRows()[2], ['--port PORT', '5000; 0 takes any free one']);
});
