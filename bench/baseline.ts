import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const NO_BASELINE = 'no Go baseline, so nothing to compare with';

/**
 * Builds `bench/baseline/` into the folder, and resolves to its path; undefined, said in words, where Go is not there
 * or fails.
 */
export async function buildBaseline(folder: string, say: (line: string) => void): Promise<string | undefined> {
  const output = join(folder, 'baseline');
  const cwd = join(import.meta.dirname, 'baseline');
  try {
    say('building the Go baseline');
    await promisify(execFile)('go', ['build', '-trimpath', '-o', output, '.'], { cwd, maxBuffer: 64 * 1024 * 1024 });
    return output;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = isMissing ? 'Go is not installed (https://go.dev/dl)' : String(error);
    say(`no Go baseline: ${why}. Rows that compare with client-go are left open.`);
    return undefined;
  }
}
