import { chmodSync, constants, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { buildProduct } from '../../scripts/build.ts';
import { finalStage } from './dockerfile.ts';

const project = join(import.meta.dirname, '..', '..');

/** Where the base image keeps Node. */
const baseImageNode = '/nodejs/bin/node';
/** Where the Dockerfile's build stage works, and what it builds there. */
const builtFolder = '/src/dist';

/** A folder that holds what the image would hold on top of its base, and how the image would start it. */
export interface ImageFolder {
  /** Every file, relative to the image's root. */
  readonly files: readonly string[];
  readonly program: string;
  /** What stands before the user's arguments. */
  readonly programArguments: readonly string[];
  readonly workingFolder: string;
  /** Who runs it: the image's user where we may choose (as root), else undefined, which means ourselves. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Lays the image out below `root` as the Dockerfile's final stage says, from a fresh build, and takes away every right
 * to write. Node is put where the base image has it.
 */
export async function layOutImage(root: string): Promise<ImageFolder> {
  const stage = finalStage(readFileSync(join(project, 'Dockerfile'), 'utf8'));
  const inImage = (path: string) => join(root, resolve(stage.workingFolder, path));
  const dist = join(root, '..', 'dist');
  await buildProduct(join(project, 'src', 'main.ts'), dist);
  for (const { from, sources, destination } of stage.copies) {
    for (const source of sources) {
      const path = relative(builtFolder, source);
      if (from !== 'build' || path.startsWith('..')) throw new Error(`the image holds ${source}, which is not built`);
      cpSync(join(dist, path), inImage(destination), { recursive: true });
    }
  }
  const files = filesBelow(root);
  mkdirSync(dirname(inImage(baseImageNode)), { recursive: true });
  copyFileSync(process.execPath, inImage(baseImageNode), constants.COPYFILE_FICLONE);
  forbidWriting(root);

  const [program, ...programArguments] = stage.entrypoint.map((word) => (word.startsWith('/') ? inImage(word) : word));
  if (program === undefined) throw new Error('the image has no ENTRYPOINT');
  return { files, program, programArguments, workingFolder: inImage('.'), user: userOf(stage.user) };
}

/** Gives the rights back, so that the folder can be deleted. */
export function allowWriting(root: string): void {
  for (const path of ['', ...pathsBelow(root)]) chmodSync(join(root, path), statSync(join(root, path)).mode | 0o200);
}

function forbidWriting(root: string): void {
  for (const path of ['', ...pathsBelow(root)]) {
    const whole = join(root, path);
    const runnable = statSync(whole).isDirectory() || path === baseImageNode.slice(1);
    chmodSync(whole, runnable ? 0o555 : 0o444);
  }
}

function filesBelow(root: string): string[] {
  return pathsBelow(root).filter((path) => statSync(join(root, path)).isFile());
}

function pathsBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
}

function userOf(user: string): ImageFolder['user'] {
  const match = /^(\d+):(\d+)$/.exec(user);
  if (match === null) throw new Error(`USER ${user}: kubelet can only tell a number from root`);
  return process.getuid?.() === 0 ? { uid: Number(match[1]), gid: Number(match[2]) } : undefined;
}
