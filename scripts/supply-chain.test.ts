import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as z from 'zod';
import manifest from '../package.json' with { type: 'json' };

const project = dirname(import.meta.dirname);
const read = (file: string) => readFileSync(join(project, file), 'utf8');

const lock = z
  .object({
    lockfileVersion: z.literal(3),
    packages: z.record(
      z.string(),
      z.looseObject({
        version: z.string(),
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        optional: z.boolean().default(false),
        dev: z.boolean().default(false),
        os: z.array(z.string()).optional(),
        hasInstallScript: z.boolean().default(false),
      }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

test('G14: the lock file says the hash of every package; it may lack those that tools bring for other machines', () => {
  expect(packages.length).toBeGreaterThan(100);
  const without = packages.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true);
  // Not every registry lists binaries for every platform; npm then locks their versions alone.
  expect(without.filter(([, { optional, dev, os }]) => !(optional && dev && os !== undefined))).toEqual([]);
});

test('G14: nothing comes from elsewhere than the registry, and versions are exact', () => {
  expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(ranges.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test('G14: of all packages two run a script when they are installed, and none of these is in the product', () => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(scripted.map(([path]) => path)).toEqual(['node_modules/esbuild', 'node_modules/node']);
  expect(scripted.every(([, { dev }]) => dev)).toBe(true);
  expect(manifest.allowScripts).toEqual({ node: true, esbuild: true });
});

test('G14: the image is built from the lock file, and holds no package', () => {
  const dockerfile = read('Dockerfile');
  expect(dockerfile.match(/npm (?:ci|i|install)\b.*/g)).toEqual(['npm ci']);
  expect(dockerfile).toContain('COPY --from=build /src/dist/ ./');
});

const Bom = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(z.looseObject({ name: z.string(), version: z.string(), purl: z.string() })),
});

test('G14: the bill of materials lists every package in the product and every tool that is installed to build it', async () => {
  const [command = '', ...args] = (manifest.scripts.sbom.split(' > ')[0] ?? '').replace(/^.*&& /, '').split(' ');
  const { stdout } = await promisify(execFile)(command, args, { cwd: project, maxBuffer: 8 * 1024 * 1024 });
  const { components } = Bom.parse(JSON.parse(stdout));
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  // Without `--omit dev`, which also leaves out what both the product and a tool stand on.
  const product = packages
    .filter(([, { integrity }]) => integrity !== undefined)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  expect(product.length).toBeGreaterThan(100);
  expect(product.filter((name) => !listed.has(name))).toEqual([]);
});
