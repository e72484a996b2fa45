import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const BINARY_NAMES = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;
export type BinaryName = (typeof BINARY_NAMES)[number];
/** Paths of the executables. */
export type Binaries = Readonly<Record<BinaryName, string>>;

/** What the installed Go builds for. */
export interface GoTarget {
  /** As `go env GOVERSION` says, such as `go1.26.0`. */
  readonly version: string;
  readonly os: string;
  readonly arch: string;
}

/** Where executables may lie. */
export interface BinarySources {
  /** The folder that `KUBEBUILDER_ASSETS` names. */
  readonly assets: string | undefined;
  /** The folder that holds one folder for each module file and Go version. */
  readonly cacheRoot: string;
  /** The folder of the `go.mod` that says what to build. */
  readonly moduleFolder: string;
  /** Undefined where Go is not installed. */
  readonly go: GoTarget | undefined;
}

/** Some executables are neither in `KUBEBUILDER_ASSETS` nor in the cache. */
export class MissingBinaries extends Error {
  override readonly name = 'MissingBinaries';
  readonly missing: readonly BinaryName[];

  constructor(missing: readonly BinaryName[], sources: BinarySources) {
    const looked = [
      sources.assets === undefined ? 'KUBEBUILDER_ASSETS (not set)' : `KUBEBUILDER_ASSETS (${sources.assets})`,
      cacheFolder(sources) ?? sources.cacheRoot,
    ].join(' or ');
    const remedy =
      sources.go === undefined
        ? 'Install Go (https://go.dev/dl) and run `npm run cluster:build`, or set KUBEBUILDER_ASSETS to a folder that holds them.'
        : 'Run `npm run cluster:build` to build them once, or set KUBEBUILDER_ASSETS to a folder that holds them.';
    super(`No ${missing.join(', ')} in ${looked}. ${remedy}`);
    this.missing = missing;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The sources as this machine and environment give them. */
export function binarySources(environment: Environment = process.env): BinarySources {
  const { KUBEBUILDER_ASSETS: assets, XDG_CACHE_HOME: xdg } = environment;
  const cacheHome = nonEmpty(xdg) ?? join(nonEmpty(environment['HOME']) ?? homedir(), '.cache');
  const moduleFolder = import.meta.dirname;
  return {
    assets: nonEmpty(assets),
    cacheRoot: join(cacheHome, 'watchkeeper', 'cluster'),
    moduleFolder,
    go: installedGo(moduleFolder),
  };
}

/** @throws MissingBinaries */
export function findBinaries(sources: BinarySources = binarySources()): Binaries {
  const missing: BinaryName[] = [];
  const pathOf = (name: BinaryName): string => {
    const path = findBinary(name, sources);
    if (path === undefined) missing.push(name);
    return path ?? '';
  };
  const found: Binaries = {
    etcd: pathOf('etcd'),
    'kube-apiserver': pathOf('kube-apiserver'),
    'kube-controller-manager': pathOf('kube-controller-manager'),
  };
  if (missing.length > 0) throw new MissingBinaries(missing, sources);
  return found;
}

/** The path of one executable, or undefined when it has to be built first. */
export function findBinary(name: BinaryName, sources: BinarySources): string | undefined {
  const folders = [sources.assets, cacheFolder(sources)].filter((folder) => folder !== undefined);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * Where executables of this module file are kept, or undefined when there can be none. Without Go its version is not
 * known: then the newest folder of the same module file and platform serves, so that a restored cache is of use.
 */
export function cacheFolder({ cacheRoot, moduleFolder, go }: BinarySources): string | undefined {
  const prefix = `${moduleHash(moduleFolder)}-`;
  if (go !== undefined) return join(cacheRoot, `${prefix}${go.version}-${go.os}-${go.arch}`);
  const suffix = `-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const [newest] = foldersIn(cacheRoot)
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
    .map((name) => join(cacheRoot, name))
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return newest;
}

function moduleHash(moduleFolder: string): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(moduleFolder, file)));
  return hash.digest('hex').slice(0, 12);
}

/** Asked in the module's folder, because its go.mod may choose another toolchain than the installed one. */
function installedGo(moduleFolder: string): GoTarget | undefined {
  try {
    const args = ['env', 'GOVERSION', 'GOOS', 'GOARCH'];
    const output = execFileSync('go', args, {
      cwd: moduleFolder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [version = '', os = '', arch = ''] = output.split('\n');
    return { version, os, arch };
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
