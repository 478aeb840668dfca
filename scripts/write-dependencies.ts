/** Writes docs/DEPENDENCIES.md: every package that an installed Sotto brings along, and its licence. */
import { readFileSync, writeFileSync } from 'node:fs';
import { lockedPackages, type Package } from './locked.ts';

/** Markdown, made of package.json and package-lock.json alone. */
export function dependencyPage(): string {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const all = lockedPackages().map((each) => [`${each.name}@${each.version}`, each] as const);
  const installed = [...new Map(all).values()];
  const row = ({ name, version, license = 'not named' }: Package) =>
    `| ${name} | ${version} | ${license} | ${name in dependencies ? 'directly' : 'by another'} |`;
  return `# Dependencies

What an installed Sotto brings along, at most: ${installed.length} packages, ${Object.keys(dependencies).length} of them chosen by us; those of other kinds of machines stay away. Each version is pinned with its integrity hash in
package-lock.json; of all install scripts only that of \`node\` (development) runs; an npm older than 12 also asks \`@serialport/bindings-cpp\` whether its prebuilt part loads. \`npm run sbom\` prints the same as a CycloneDX bill of materials, with each hash and who asks for whom.
Written by \`npm run docs\`.

| package | version | licence | needed |
|---|---|---|---|
${installed.map(row).join('\n')}
`;
}

if (import.meta.main) writeFileSync('docs/DEPENDENCIES.md', dependencyPage());
