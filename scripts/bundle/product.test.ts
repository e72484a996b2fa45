import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Built, buildProduct } from '../build.ts';
import { bundledPackageFolders, readPackage } from './licenses.ts';
import { importedBuiltins } from './node-builtins.ts';

const project = dirname(dirname(import.meta.dirname));

let outdir: string;
let built: Built;
beforeAll(async () => {
  outdir = mkdtempSync(join(tmpdir(), 'product-'));
  built = await buildProduct(join(project, 'src', 'main.ts'), join(outdir, 'dist'));
});
afterAll(() => {
  rmSync(outdir, { recursive: true });
});

/** Node's own modules by which a process reaches others, or runs something. */
const OUTWARD = /^(?:child_process|cluster|dgram|dns|http2?|https|inspector|net|quic|tls|vm|worker_threads)(?:\/|$)/;

/** By package, or file of ours: those that are in the bundle with it. */
function reach(): Record<string, string[]> {
  const bundled = Object.values(built.metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((input) => (inputs[input]?.bytesInOutput ?? 0) > 0),
  );
  const found: Record<string, Set<string>> = {};
  for (const input of bundled) {
    const owner = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? input;
    for (const module of importedBuiltins(built.metafile, input)) {
      if (OUTWARD.test(module)) (found[owner] ??= new Set()).add(module);
    }
  }
  return Object.fromEntries(Object.entries(found).map(([owner, modules]) => [owner, [...modules].toSorted()]));
}

test('G12: of all that is in the bundle this alone can reach somebody', () => {
  expect(reach()).toEqual({
    'src/kube/exchange.ts': ['http2'],
    // The program that a kubeconfig names. In a cluster there is none.
    'src/kube/exec-plugin.ts': ['child_process'],
    // The API server where it does not speak HTTP/2.
    'src/kube/http1-carrier.ts': ['http', 'http2'],
    'src/kube/in-cluster-source.ts': ['net'],
    // The proxy of a kubeconfig or its environment, as a way to the API server. In a cluster there is none.
    'src/kube/proxy-tunnel.ts': ['http', 'https', 'net'],
    'src/kube/proxy.ts': ['net'],
    'src/kube/session.ts': ['http2'],
    'src/kube/tls-connect.ts': ['net', 'tls'],
    'src/ops/http-server.ts': ['http'],
    // Credentials of a kubeconfig: programs and issuers of tokens that it names. In a cluster there is none.
    '@kubernetes/client-node': ['child_process', 'http', 'https', 'net', 'tls'],
    // Subcommands that are programs of their own, and log transports: neither is used.
    commander: ['child_process'],
    pino: ['worker_threads'],
  });
});

test('starting the product loads no fetch, no WebSocket and no web streams of Node, which it never uses', async () => {
  const report = "process.on('exit', () => console.error(process.moduleLoadList.join('\\n')))";
  const { stderr } = await promisify(execFile)(process.execPath, [
    '--import',
    `data:text/javascript,${report}`,
    built.bundle,
    '--help',
  ]);
  const loaded = stderr.split('\n').map((module) => module.replace(/^NativeModule /, ''));
  expect(loaded).toContain('http');
  expect(loaded.filter((module) => /undici|webstreams/.test(module))).toEqual([]);
});

/** What may be in a file under Apache-2.0 that we hand on. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense']);

test('G14: every package in the bundle has a licence under which it may be handed on with it', () => {
  const packages = bundledPackageFolders(built.metafile).map((folder) => readPackage(join(project, folder)));
  expect(packages.length).toBeGreaterThan(8);
  expect(
    packages.filter(({ license }) => !ALLOWED.has(license)).map(({ name, license }) => `${name}: ${license}`),
  ).toEqual([]);
});
