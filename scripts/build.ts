/**
 * Builds the product: one ES module that needs nothing but Node, and the licences of what is in it.
 *
 *   node scripts/build.ts [--entry src/main.ts] [--outdir dist]
 */
import { chmodSync, copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Metafile } from 'esbuild';
import { clientNodeIsKubeConfig, leaveOut } from './bundle/left-out.ts';
import { bundledPackageFolders, licensesText, readPackage } from './bundle/licenses.ts';
import { nodeBuiltinsByRequire } from './bundle/node-builtins.ts';

const root = dirname(import.meta.dirname);

export interface Built {
  /** The bundle's path. */
  readonly bundle: string;
  readonly bytes: number;
  readonly metafile: Metafile;
}

/** Bundles `entry` into `outdir` (made anew) as `watchkeeper.js`, with LICENSE and THIRD-PARTY-LICENSES.txt beside it. */
export async function buildProduct(entry: string, outdir: string): Promise<Built> {
  const bundle = join(outdir, 'watchkeeper.js');
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Names stay: a stack trace from a cluster must be readable, and the file is small enough.
    minifyWhitespace: true,
    minifySyntax: true,
    // The texts travel in a file of their own.
    legalComments: 'none',
    // Node's own modules come by `require`, which an ES module does not have.
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire as nodeRequire } from "node:module";\nconst require = nodeRequire(import.meta.url);',
    },
    plugins: [leaveOut, clientNodeIsKubeConfig, nodeBuiltinsByRequire],
    logLevel: 'warning',
  });
  chmodSync(bundle, 0o755);
  copyFileSync(join(root, 'LICENSE'), join(outdir, 'LICENSE'));
  const packages = bundledPackageFolders(metafile).map((folder) => readPackage(join(root, folder)));
  writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licensesText(packages));
  return { bundle, bytes: statSync(bundle).size, metafile };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      entry: { type: 'string', default: join(root, 'src', 'main.ts') },
      outdir: { type: 'string', default: join(root, 'dist') },
    },
  });
  const { bundle, bytes } = await buildProduct(values.entry, values.outdir);
  process.stdout.write(`${bundle}  ${(bytes / 1024).toFixed(0)} KiB\n`);
}
