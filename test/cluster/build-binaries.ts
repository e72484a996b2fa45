import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  BINARY_NAMES,
  type Binaries,
  type BinaryName,
  type BinarySources,
  binarySources,
  cacheFolder,
  findBinaries,
  findBinary,
  MissingBinaries,
} from './binaries.ts';
import { withBuildLock } from './build-lock.ts';
import { type ProgressOutput, showStep } from './build-progress.ts';

const PACKAGES: Readonly<Record<BinaryName, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
};
const BUILD_PREFIX = '.build-';

export interface EnsureOptions {
  /** Default `process.stderr`. */
  readonly progress?: ProgressOutput;
  readonly sources?: BinarySources;
}

/**
 * The executables of the control plane; those that are missing are built into the cache first, which takes minutes.
 * Several processes may ask at once: one builds, the others wait for it.
 * @throws MissingBinaries where Go is not installed; Error with the compiler's output when a build fails
 */
export async function ensureBinaries(options: EnsureOptions = {}): Promise<Binaries> {
  const { progress = process.stderr, sources = binarySources() } = options;
  const missing = missingFrom(sources);
  if (missing.length === 0) return findBinaries(sources);
  const folder = cacheFolder(sources);
  if (sources.go === undefined || folder === undefined) throw new MissingBinaries(missing, sources);
  await mkdir(folder, { recursive: true });
  const onWait = (): unknown => progress.write('Another process builds the control plane; waiting for it.\n');
  await withBuildLock(join(folder, '.lock'), async () => build(sources, folder, progress), { onWait });
  return findBinaries(sources);
}

function missingFrom(sources: BinarySources): BinaryName[] {
  return BINARY_NAMES.filter((name) => findBinary(name, sources) === undefined);
}

async function build(sources: BinarySources, folder: string, progress: ProgressOutput): Promise<void> {
  const wanted = missingFrom(sources);
  if (wanted.length === 0) return;
  progress.write(`Building a Kubernetes control plane, once; it takes some minutes and is kept in ${folder}\n`);
  await removeLeftovers(folder);
  const version = await kubernetesVersion(sources.moduleFolder);
  // A folder of its own and a rename: nobody ever finds half a file.
  const workFolder = await mkdtemp(join(folder, BUILD_PREFIX));
  try {
    for (const [index, name] of wanted.entries()) {
      const output = join(workFolder, name);
      const title = `Building ${name}, ${index + 1} of ${wanted.length}`;
      await showStep(progress, title, async () => compile(PACKAGES[name], output, version, sources.moduleFolder));
      await rename(output, join(folder, name));
    }
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** Of builds that were killed. The lock is held, so none of them is under way. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(BUILD_PREFIX));
  await Promise.all(names.map(async (name) => rm(join(folder, name), { recursive: true, force: true })));
}

/** The version that the module file names, such as `v1.36.3`. */
async function kubernetesVersion(moduleFolder: string): Promise<string> {
  const file = join(moduleFolder, 'go.mod');
  const version = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)/m.exec(await readFile(file, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${file} requires no version of k8s.io/kubernetes`);
  return version;
}

async function compile(goPackage: string, output: string, version: string, cwd: string): Promise<void> {
  const [major = '', minor = ''] = version.slice(1).split('.');
  // Without these a server says that it is v0.0.0.
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const settings = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  const flags = ['-trimpath', '-ldflags', ['-s', '-w', ...settings].join(' '), '-o', output];
  // The compiler collects its garbage more rarely than it would: a seventh to a quarter of the time for some more memory.
  const env = { GOGC: '300', ...process.env };
  await promisify(execFile)('go', ['build', ...flags, goPackage], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
}
