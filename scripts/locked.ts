/** What package-lock.json says that an installed Sotto brings along: nothing of development. */
import { readFileSync } from 'node:fs';

type Ranges = Readonly<Record<string, string>>;

interface Locked {
  readonly version: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  /** Not on every kind of machine. */
  readonly optional?: boolean;
  readonly dependencies?: Ranges;
  readonly optionalDependencies?: Ranges;
  readonly peerDependencies?: Ranges;
}

export interface Package extends Locked {
  readonly name: string;
  /** From the lockfile's folder; Sotto's own is empty. */
  readonly path: string;
}

const MODULES = 'node_modules/';

/** By name, without Sotto itself. The same version may stand at several paths. */
export function lockedPackages(): readonly Package[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Readonly<Record<string, Locked>>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, locked]) => ({ ...locked, path, name: path.replace(/^.*node_modules\//, '') }))
    .sort((one, other) => (one.name === other.name ? 0 : one.name < other.name ? -1 : 1));
}

/** Those that `asking` finds under the names that it asks for, as Node looks: here, and further out. */
export function askedFor(packages: readonly Package[], asking: Package): readonly Package[] {
  const at = new Map(packages.map((each) => [each.path, each]));
  const { path, dependencies, optionalDependencies, peerDependencies } = asking;
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return names.flatMap((name) => {
    let folder = path === '' ? '' : `${path}/`;
    let found = at.get(`${folder}${MODULES}${name}`);
    while (found === undefined && folder !== '') {
      folder = folder.slice(0, folder.lastIndexOf(MODULES));
      found = at.get(`${folder}${MODULES}${name}`);
    }
    return found ?? [];
  });
}
