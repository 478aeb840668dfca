/** Writes docs/DEPENDENCIES.md: every package that an installed Sotto brings along, and its licence. */
import { readFileSync, writeFileSync } from 'node:fs';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

/** Markdown, made of package.json and package-lock.json alone. */
export function dependencyPage(): string {
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const { dependencies } = read('package.json') as { dependencies: Record<string, string> };
  const { packages } = read('package-lock.json') as Lock;
  const installed = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, locked]) => ({ name: path.replace(/^.*node_modules\//, ''), ...locked }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const row = ({ name, version, license = 'not named' }: (typeof installed)[number]) =>
    `| ${name} | ${version} | ${license} | ${name in dependencies ? 'directly' : 'by another'} |`;
  return `# Dependencies

What an installed Sotto brings along: ${installed.length} packages, ${Object.keys(dependencies).length} of them chosen by us. Each version is pinned with its integrity hash in
package-lock.json; of all install scripts only that of \`node\` (development) runs; an npm older than 12 also asks \`@serialport/bindings-cpp\` whether its prebuilt part loads. \`npm run sbom\` prints the same as a CycloneDX bill of materials.
Written by \`npm run docs\`.

| package | version | licence | needed |
|---|---|---|---|
${installed.map(row).join('\n')}
`;
}

if (import.meta.main) writeFileSync('docs/DEPENDENCIES.md', dependencyPage());
