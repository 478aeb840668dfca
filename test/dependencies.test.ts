/**
 * Goal: nothing comes with an installation that nobody has looked at: licences from a list, hashes
 * for all, no install script but that of `node`.
 * Method: reads package-lock.json, which `npm ci` obeys to the letter.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { dependencyPage } from '../scripts/write-dependencies.ts';

const LICENCES =
  /^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|0BSD|CC0-1\.0|MIT OR Apache-2\.0|Apache-2\.0 OR MIT|\(MIT OR CC0-1\.0\)|\(WTFPL OR MIT\))$/;
/** Looked at one by one: development only. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  'node_modules/spdx-exceptions': 'CC-BY-3.0, a list of names',
  'node_modules/axe-core': 'MPL-2.0, only run, never changed',
  'node_modules/jsonc-simple-parser': 'MIT by its LICENSE file',
};

/** Install scripts that we know. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'node_modules/node': 'brings the Node that npm scripts run on',
  'node_modules/@serialport/bindings-cpp': 'looks whether its prebuilt part loads',
};

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Locked>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');

t.test(
  'every package has a hash, a licence that we know, and no install script that we do not know',
  async (t) => {
    t.ok(locked.length > 50);
    for (const [path, { license = '', integrity, dev, hasInstallScript }] of locked) {
      const known = LICENCES.test(license) || (dev === true && path in LOOKED_AT);
      const scripted = hasInstallScript === true && !(path in SCRIPTS);
      const whole = integrity?.startsWith('sha512-') === true;
      if (!known || scripted || !whole)
        t.fail(`${path}: ${license} ${integrity} ${hasInstallScript}`);
    }
    const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name] === true);
    t.strictSame(allowed, ['node']);
  },
);

t.test('docs/DEPENDENCIES.md is up to date: npm run docs', async (t) => {
  t.equal(readFileSync('docs/DEPENDENCIES.md', 'utf8'), dependencyPage());
});

interface Bill {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly purl: string } };
  readonly components: readonly {
    readonly purl: string;
    readonly hashes: readonly [{ readonly content: string }];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

t.test('npm run sbom prints a CycloneDX bill of all that is installed, and no more', async (t) => {
  const printed = execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8' });
  const { bomFormat, metadata, components, dependencies }: Bill = JSON.parse(printed);
  t.equal(bomFormat, 'CycloneDX');
  const expected = locked
    .filter(([, { dev }]) => dev !== true)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  const purls = components.map(({ purl }) => purl);
  const names = purls.map((purl) => purl.replace('pkg:npm/', '').replace('%40', '@'));
  t.strictSame([...names].sort(), [...new Set(expected)].sort());
  // Also here for development, which must not take them out.
  for (const name of ['@noble/ciphers', 'cborg', 'ws']) {
    t.ok(
      names.some((each) => each.startsWith(`${name}@`)),
      name,
    );
  }
  t.ok(components.every(({ hashes: [{ content }] }) => /^[0-9a-f]{128}$/.test(content)));

  // Somebody asks for each, and who asks is there as well.
  const asked = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const reached = new Set([metadata.component.purl]);
  for (const ref of reached) for (const each of asked.get(ref) ?? []) reached.add(each);
  t.strictSame([...reached].sort(), [metadata.component.purl, ...purls].sort());
});
