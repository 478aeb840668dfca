/**
 * `npm run sbom`: prints a bill of materials as CycloneDX 1.5 has it: every package that an installed
 * Sotto brings along, with its hash and licence, and who asks for it. Made of the lockfile, since
 * `npm sbom` leaves out what is also there for development.
 */
import { readFileSync } from 'node:fs';
import { askedFor, lockedPackages, type Package } from './locked.ts';

/** A package URL: npm's `@` is a reserved character there. */
function purlOf({ name, version }: Pick<Package, 'name' | 'version'>): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function licencesOf(license: string) {
  return [/ (OR|AND|WITH) /.test(license) ? { expression: license } : { license: { id: license } }];
}

function componentOf(each: Package) {
  const { name, version, integrity = '', license, optional } = each;
  const [group, own] = name.startsWith('@') ? name.split('/', 2) : [undefined, name];
  const content = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return {
    type: 'library',
    'bom-ref': purlOf(each),
    ...(group !== undefined && { group }),
    name: own,
    version,
    scope: optional === true ? 'optional' : 'required',
    hashes: [{ alg: 'SHA-512', content }],
    ...(license !== undefined && { licenses: licencesOf(license) }),
    purl: purlOf(each),
  };
}

function billOfMaterials() {
  const own: Package = { ...JSON.parse(readFileSync('package.json', 'utf8')), path: '' };
  const all = lockedPackages();
  const asked = new Map<string, Set<string>>();
  for (const each of [own, ...all]) {
    const refs = asked.get(purlOf(each)) ?? new Set<string>();
    for (const dependency of askedFor(all, each)) refs.add(purlOf(dependency));
    asked.set(purlOf(each), refs);
  }
  const purl = purlOf(own);
  const named = { type: 'application', 'bom-ref': purl, name: own.name, version: own.version };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${crypto.randomUUID()}`,
    version: 1,
    metadata: {
      timestamp: new Date().toISOString(),
      component: { ...named, licenses: licencesOf(own.license ?? ''), purl },
    },
    components: [...new Map(all.map((each) => [purlOf(each), componentOf(each)])).values()],
    dependencies: [...asked].map(([ref, refs]) => ({ ref, dependsOn: [...refs].sort() })),
  };
}

console.log(JSON.stringify(billOfMaterials(), undefined, 2));
