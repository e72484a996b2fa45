/**
 * Composes deploy/install.yaml, the one file that a cluster owner applies, from the parts written by hand and the
 * generated CRDs.
 *
 *   node scripts/install-manifest.ts [--check]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** In the order in which they are applied: a namespace before what is in it, rights before who uses them. */
const before = ['namespace.yaml'];
const after = ['rbac.yaml', 'roles.yaml', 'guard.yaml', 'authors.yaml', 'network.yaml', 'deployment.yaml'];

const header = `# Watchkeeper: namespace, API, rights and operator. Rights on the kinds that policies name are granted apart, by
# targets.yaml. Composed from parts/ and ../crds/ by \`npm run generate\`. Do not edit.
`;

/** The whole text of deploy/install.yaml as the files in `project` want it now. */
export function composeInstallManifest(project: string): string {
  const parts = join(project, 'deploy', 'parts');
  const crds = join(project, 'crds');
  const strangers = readdirSync(parts).filter((file) => ![...before, ...after].includes(file));
  if (strangers.length > 0)
    throw new Error(`deploy/parts holds ${strangers.join(', ')}, which has no place in the order`);
  const files = [
    ...before.map((file) => join(parts, file)),
    ...readdirSync(crds)
      .toSorted()
      .map((file) => join(crds, file)),
    ...after.map((file) => join(parts, file)),
  ];
  return header + files.map((file) => `---\n${readFileSync(file, 'utf8').trimEnd()}\n`).join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const project = dirname(import.meta.dirname);
  const file = join(project, 'deploy', 'install.yaml');
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const wanted = composeInstallManifest(project);
  if (!values.check) {
    writeFileSync(file, wanted);
  } else if (readFileSync(file, 'utf8') !== wanted) {
    process.stderr.write('deploy/install.yaml is stale: run npm run generate\n');
    process.exitCode = 1;
  }
}
