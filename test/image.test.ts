import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { createAdmin } from './cluster/api.ts';
import { startControlPlane } from './cluster/control-plane.ts';
import { freePorts } from './cluster/ports.ts';
import { allowWriting, type ImageFolder, layOutImage } from './support/image-folder.ts';

/**
 * There is no container engine here, so the files that the image would hold run as the image would run them: alone, in
 * a folder that cannot be written, as the image's user, with an empty environment.
 */
let folder: string;
let image: ImageFolder;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'watchkeeper-image-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'root'));
  image = await layOutImage(join(folder, 'root'));
});
afterAll(() => {
  allowWriting(join(folder, 'root'));
  rmSync(folder, { recursive: true });
});

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(...args: readonly string[]) {
  const { program, programArguments, workingFolder, user } = image;
  const child = spawn(program, [...programArguments, ...args], {
    cwd: workingFolder,
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  started.push(child);
  return { child, stdout: text(child.stdout), stderr: text(child.stderr), exited: once(child, 'exit') };
}

async function outcome(...args: readonly string[]) {
  const { child, stdout, stderr, exited } = start(...args);
  await exited;
  return { code: child.exitCode, stdout: await stdout, stderr: await stderr };
}

test('the image holds the bundle and its licences, and nothing else', () => {
  expect(image.files).toEqual(['app/LICENSE', 'app/THIRD-PARTY-LICENSES.txt', 'app/watchkeeper.js']);
});

test('its user is not root and cannot write where it runs', async () => {
  expect(image.user?.uid ?? process.getuid?.()).not.toBe(0);
  const code = `require('node:fs').writeFileSync('app.log', '')`;
  const child = spawn(image.program, ['-e', code], { cwd: image.workingFolder, env: {}, ...image.user });
  const stderr = text(child.stderr);
  await once(child, 'exit');
  expect(await stderr).toContain('EACCES');
});

test('--version says the version of the package', async () => {
  expect(await outcome('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test('--help names the command and its flags', async () => {
  const help = await outcome('--help');
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('run');
  const runHelp = await outcome('run', '--help');
  for (const word of ['--kubeconfig', '--listen', 'WATCHKEEPER_KUBECONFIG', 'WATCHKEEPER_LISTEN']) {
    expect(runHelp.stdout).toContain(word);
  }
});

describe('a start that cannot work ends at once, with a word that helps', () => {
  test.each([
    ['an unknown command', ['walk'], 'walk'],
    ['an unknown flag', ['run', '--lisen=:8080'], '--lisen'],
    [
      'a kubeconfig that is not there',
      ['run', '--kubeconfig=/nowhere/config', '--listen=127.0.0.1:0'],
      '/nowhere/config',
    ],
    ['no cluster at all', ['run', '--listen=127.0.0.1:0'], 'kubeconfig'],
  ])('%s', async (_, args, word) => {
    const { code, stdout, stderr } = await outcome(...args);
    expect(code).toBeGreaterThan(0);
    expect(stdout + stderr).toContain(word);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  });
});

test('against a control plane it gets ready with the rights of the installation, and ends with 0 on SIGTERM', async () => {
  await using controlPlane = await startControlPlane();
  const admin = await createAdmin(controlPlane);
  try {
    await admin.applyFile(join(import.meta.dirname, '..', 'deploy', 'install.yaml'));
    await admin.waitForCrd('watchpolicies.watchkeeper.dev');
  } finally {
    admin.close();
  }
  // A copy, since the image's user may not look into the control plane's folder.
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    readFileSync(await controlPlane.kubeconfigFor({ namespace: 'watchkeeper', name: 'watchkeeper' })),
  );
  chmodSync(kubeconfig, 0o444);

  const [port] = await freePorts(1);
  const { child, stdout, exited } = start('run', `--kubeconfig=${kubeconfig}`, `--listen=127.0.0.1:${port}`);
  await expect.poll(() => answer(`http://127.0.0.1:${port}/readyz`)).toBe(200);
  expect(await answer(`http://127.0.0.1:${port}/healthz`)).toBe(200);
  child.kill('SIGTERM');
  await exited;
  expect({ code: child.exitCode, log: await stdout }).toMatchObject({ code: 0 });
});

/** The HTTP status, or 0 while nobody answers. */
async function answer(url: string): Promise<number> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}
