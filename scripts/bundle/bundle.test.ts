import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Built, buildProduct } from '../build.ts';
import { bundledPackageFolders, licensesText, readPackage } from './licenses.ts';

let outdir: string;
let built: Built;
beforeAll(async () => {
  outdir = mkdtempSync(join(tmpdir(), 'bundle-'));
  built = await buildProduct(join(import.meta.dirname, 'bundle-probe.ts'), join(outdir, 'dist'));
});
afterAll(() => {
  rmSync(outdir, { recursive: true });
});

test('the bundle runs by itself, with no package beside it', async () => {
  const { stdout } = await promisify(execFile)(built.bundle, [], { cwd: outdir, env: { PATH: process.env['PATH'] } });
  expect(JSON.parse(stdout)).toEqual({
    level: 30,
    msg: 'probed',
    credentials: { Authorization: 'Bearer t' },
    proxy: "Error: Watchkeeper does not support client-node's own way to proxies (hpagent is left out of it)",
    schema: true,
    command: 'probe',
    path: [1],
    codeInPath: 'Error: Watchkeeper does not support code in a JSONPath (node:vm is left out of it)',
    metrics: true,
    pattern: true,
    yaml: { a: 1 },
    type: 'Invalid input: expected string, received number',
  });
});

test('the bundle leaves out what the operator never calls', () => {
  const folders = bundledPackageFolders(built.metafile);
  expect(folders).toContain('node_modules/@kubernetes/client-node');
  for (const name of [
    'undici',
    'ws',
    'tar-fs',
    'form-data',
    'hpagent',
    'socks',
    'socks-proxy-agent',
    'thread-stream',
  ]) {
    expect(folders).not.toContain(`node_modules/${name}`);
  }
  expect(folders.filter((folder) => folder.endsWith('/jsonpath-plus'))).toEqual(['node_modules/jsonpath-plus']);
  const models = Object.keys(built.metafile.outputs)
    .flatMap((output) => Object.entries(built.metafile.outputs[output]?.inputs ?? {}))
    .filter(([input, { bytesInOutput }]) => input.includes('/client-node/dist/gen/models/') && bytesInOutput > 0);
  expect(models).toEqual([]);
});

test('the bundle is executable and carries the licence of every package in it', () => {
  expect(statSync(built.bundle).mode & 0o777).toBe(0o755);
  expect(readFileSync(built.bundle, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect(readFileSync(join(outdir, 'dist', 'LICENSE'), 'utf8')).toContain('Apache License');
  const text = readFileSync(join(outdir, 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const folder of bundledPackageFolders(built.metafile)) {
    const { name, version } = readPackage(folder);
    expect(text).toContain(`\n${name} ${version} (`);
  }
});

test('a package counts as bundled when a byte of it is in the bundle, also inside another package', () => {
  const inputs = {
    'src/main.ts': { bytesInOutput: 5 },
    'node_modules/b/lib/x.js': { bytesInOutput: 5 },
    'node_modules/b/node_modules/@c/d/x.js': { bytesInOutput: 5 },
    'node_modules/unused/x.js': { bytesInOutput: 0 },
  };
  const metafile: Metafile = {
    inputs: {},
    outputs: { out: { bytes: 9, inputs, imports: [], exports: [] } },
  };
  expect(bundledPackageFolders(metafile)).toEqual(['node_modules/b', 'node_modules/b/node_modules/@c/d']);
});

test('a package without a licence text is listed with what it declares', () => {
  expect(licensesText([{ name: 'a', version: '1.0.0', license: 'MIT', texts: [] }])).toContain(
    'The package carries no licence text; it declares MIT.',
  );
});
