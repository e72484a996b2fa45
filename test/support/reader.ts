import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../cluster/eventually.ts';
import type { Block } from './readme-blocks.ts';

export const PROJECT = join(import.meta.dirname, '..', '..');

/** Somebody who follows a document on a cluster, in a shell with nothing of ours at home. */
export class Reader {
  /** Their home. */
  readonly folder: string;
  readonly #kubeconfig: string;

  /** @throws Error where there is no kubectl to follow it with */
  constructor(kubeconfig: string) {
    const { error } = spawnSync('kubectl', ['version', '--client']);
    if (error !== undefined)
      throw new Error(
        `kubectl is needed to follow the documents: see https://kubernetes.io/docs/tasks/tools (${error.message})`,
      );
    this.folder = mkdtempSync(join(tmpdir(), 'watchkeeper-reader-'));
    this.#kubeconfig = kubeconfig;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.#kubeconfig, HOME: this.folder, WATCHKEEPER_LISTEN: '127.0.0.1:0' };
  }

  /** Runs the commands, each of which has to succeed. @returns what they print */
  async shell(commands: string): Promise<string> {
    // Without the machine's own start-up file: bash takes Node's pipe for a remote shell where no other shell is above it.
    const args = ['--norc', '-euo', 'pipefail', '-c', commands];
    const { stdout, stderr } = await promisify(execFile)('bash', args, { cwd: PROJECT, env: this.environment });
    if (stderr !== '') throw new Error(`${commands}\n${stderr}`);
    return stdout;
  }

  /** Writes a block of YAML to a file. @returns its path */
  file({ line, text }: Block): string {
    const path = join(this.folder, `line-${line}.yaml`);
    writeFileSync(path, text);
    return path;
  }

  /** Runs commands; where the document says what they print, until they print it: they only look. */
  async run({ text, output }: Block): Promise<void> {
    if (output === undefined) {
      await this.shell(text);
      return;
    }
    // Whoever types these sees them a moment after the step before.
    await eventually(
      text,
      async () => comparable(await this.shell(text)),
      (seen) => seen === comparable(output),
    );
  }
}

/** Ages and the widths of columns differ from run to run. */
function comparable(output: string): string {
  return output
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/\b\d+[smh]\b/g, 'AGE').replaceAll(/ +/g, ' '))
    .join('\n');
}
