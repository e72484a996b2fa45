import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Admin } from '../cluster/api.ts';
import { parseManifest } from '../cluster/kube-object.ts';

/** Applies manifests as a cluster owner does. */
export interface Applier {
  /** @throws Error with the server's words when any document is refused, or brings up a warning */
  apply(file: string): Promise<void>;
  /** `--dry-run=server`: admission and validation by the server, nothing stored. */
  dryRun(file: string): Promise<void>;
}

/** kubectl where it is installed; else the same documents by server-side apply with strict validation. */
export function applier(kubeconfig: string, admin: Admin): Applier {
  return spawnSync('kubectl', ['version', '--client']).status === 0 ? kubectlApplier(kubeconfig) : adminApplier(admin);
}

function kubectlApplier(kubeconfig: string): Applier {
  // Not the user's cache: it is keyed by host and port, and the next control plane may get this one's port.
  const cache = join(dirname(kubeconfig), 'kubectl-cache');
  const run = async (file: string, ...flags: readonly string[]) => {
    const args = ['--kubeconfig', kubeconfig, '--cache-dir', cache, 'apply', '--validate=strict', ...flags, '-f', file];
    const { stderr } = await promisify(execFile)('kubectl', args);
    if (stderr !== '') throw new Error(`kubectl apply -f ${file}: ${stderr}`);
  };
  return { apply: async (file) => run(file), dryRun: async (file) => run(file, '--dry-run=server') };
}

function adminApplier(admin: Admin): Applier {
  const run = async (file: string, query: string) => {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const manifest = parseManifest(document.toJS());
      const path = `${await admin.pathOf(manifest)}?fieldManager=installer&force=true&fieldValidation=Strict${query}`;
      await admin.json('PATCH', path, manifest, { 'content-type': 'application/apply-patch+yaml' });
    }
  };
  return { apply: async (file) => run(file, ''), dryRun: async (file) => run(file, '&dryRun=All') };
}
