import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BINARY_NAMES, type BinarySources, cacheFolder, findBinaries, MissingBinaries } from './binaries.ts';
import { ensureBinaries } from './build-binaries.ts';

const GO = { version: 'go1.26.0', os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch };

let root: string;
let sources: BinarySources;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'binaries-'));
  sources = {
    assets: join(root, 'assets'),
    cacheRoot: join(root, 'cache'),
    moduleFolder: join(root, 'module'),
    go: GO,
  };
  await mkdir(sources.moduleFolder);
  await writeFile(join(sources.moduleFolder, 'go.mod'), 'require (\n\tk8s.io/kubernetes v1.99.7 // indirect\n)\n');
  await writeFile(join(sources.moduleFolder, 'go.sum'), '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

async function put(folder: string | undefined, ...names: readonly string[]): Promise<void> {
  if (folder === undefined) throw new Error('no folder');
  await mkdir(folder, { recursive: true });
  await Promise.all(names.map(async (name) => writeFile(join(folder, name), '', { mode: 0o755 })));
}

describe('binaries', () => {
  test('come from KUBEBUILDER_ASSETS first, and those that it lacks from the cache', async () => {
    const cache = cacheFolder(sources) ?? '';
    await put(cache, ...BINARY_NAMES);
    await put(sources.assets, 'etcd', 'kube-apiserver');
    expect(findBinaries(sources)).toEqual({
      etcd: join(root, 'assets', 'etcd'),
      'kube-apiserver': join(root, 'assets', 'kube-apiserver'),
      'kube-controller-manager': join(cache, 'kube-controller-manager'),
    });
  });

  test('that are missing are named, with the command that builds them', async () => {
    await put(cacheFolder(sources), 'etcd');
    expect(() => findBinaries(sources)).toThrow(
      /^No kube-apiserver, kube-controller-manager in .*`npm run cluster:build`/,
    );
  });

  test('must be executable', async () => {
    await put(sources.assets, ...BINARY_NAMES);
    await chmod(join(root, 'assets', 'etcd'), 0o644);
    expect(() => findBinaries(sources)).toThrow(/^No etcd in /);
  });

  test('of another module file or Go version are not taken', async () => {
    const first = cacheFolder(sources);
    expect(cacheFolder({ ...sources, go: { ...GO, version: 'go1.27.0' } })).not.toBe(first);
    await writeFile(join(sources.moduleFolder, 'go.sum'), 'changed');
    expect(cacheFolder(sources)).not.toBe(first);
    expect(dirname(cacheFolder(sources) ?? '')).toBe(sources.cacheRoot);
  });

  test('that were built elsewhere serve where Go is not installed', async () => {
    const withoutGo = { ...sources, go: undefined };
    expect(() => findBinaries(withoutGo)).toThrow(/Install Go .* or set KUBEBUILDER_ASSETS/);
    await put(cacheFolder(sources), ...BINARY_NAMES);
    expect(findBinaries(withoutGo)).toEqual(findBinaries(sources));
  });
});

/** Stands in for the compiler: notes its arguments, and writes the file that `-o` names after half a second. */
async function fakeGo(script = 'sleep 0.5; echo "#!/bin/sh" > "$6"; chmod +x "$6"'): Promise<void> {
  const folder = join(root, 'bin');
  await mkdir(folder);
  await writeFile(join(folder, 'go'), `#!/bin/sh\necho "$@" >> ${root}/calls\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
}

async function calls(): Promise<string[]> {
  return (await readFile(join(root, 'calls'), 'utf8')).trimEnd().split('\n');
}

describe('building', () => {
  let written: string;
  const progress = {
    write: (text: string): void => {
      written += text;
    },
  };

  beforeEach(() => {
    written = '';
  });

  test('makes each missing one once, even when two ask at the same time', async () => {
    await fakeGo();
    await put(cacheFolder(sources), 'etcd');
    const [first, second] = await Promise.all([
      ensureBinaries({ progress, sources }),
      ensureBinaries({ progress, sources }),
    ]);
    expect(first).toEqual(second);
    expect(await calls()).toEqual([
      expect.stringMatching(/gitVersion=v1\.99\.7 .*gitMajor=1 .*gitMinor=99 .*kube-apiserver$/),
      expect.stringMatching(/kube-controller-manager$/),
    ]);
    expect(written).toContain('Building kube-apiserver, 1 of 2 ...\n');
    expect(written).toMatch(/Building kube-controller-manager, 2 of 2: done after \d+ s\n/);
    expect(written).toContain('Another process builds the control plane');
    expect((await readdir(cacheFolder(sources) ?? '')).toSorted()).toEqual([...BINARY_NAMES].toSorted());
  });

  test('that fails says what the compiler said and leaves nothing half done', async () => {
    await fakeGo('touch "$6"; echo "no such module" >&2; exit 1');
    await expect(ensureBinaries({ progress, sources })).rejects.toThrow('no such module');
    expect(written).toContain('Building etcd, 1 of 3: failed');
    expect(await readdir(cacheFolder(sources) ?? '')).toEqual([]);
  });

  test('is refused plainly where Go is not installed', async () => {
    await expect(ensureBinaries({ progress, sources: { ...sources, go: undefined } })).rejects.toThrow(MissingBinaries);
  });
});
