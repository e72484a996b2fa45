import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildProduct } from '../build.ts';

export interface Revision {
  /** Its sources, with the manifests. */
  readonly folder: string;
  readonly bundle: string;
}

/**
 * The product as it was at a revision, built in `target`. With the packages of today: those that it needs and that are gone since
 * are named by the error.
 */
export async function buildRevision(project: string, revision: string, target: string): Promise<Revision> {
  const folder = join(target, 'sources');
  mkdirSync(folder, { recursive: true });
  const archive = join(target, 'sources.tar');
  run(project, 'git', 'archive', '--output', archive, revision);
  run(folder, 'tar', '-xf', archive);
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  const { bundle } = await buildProduct(join(folder, 'src', 'main.ts'), join(target, 'dist'));
  return { folder, bundle };
}

function run(cwd: string, command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
}
