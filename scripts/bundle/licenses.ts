import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import * as z from 'zod';

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The package's licence and notice files, whole; empty when it carries none. */
  readonly texts: readonly string[];
}

const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string().default('see its text') });

/**
 * The package folders, relative to the project's root and sorted, of which at least one byte went into the bundle.
 * A package inside another's node_modules is a package of its own.
 */
export function bundledPackageFolders(metafile: Metafile): string[] {
  const folders = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  return [...folders].toSorted();
}

/** Reads name, version, licence and licence texts of the package in `folder`. */
export function readPackage(folder: string): BundledPackage {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return { ...manifest, texts };
}

/** The text that travels with the bundle: every licence in it asks for that. */
export function licensesText(packages: readonly BundledPackage[]): string {
  const rule = '-'.repeat(80);
  const head = `Watchkeeper is licensed under Apache-2.0. Its bundle holds parts of these ${packages.length} packages.\n`;
  const parts = packages.map(({ name, version, license, texts }) => {
    const body = texts.length > 0 ? texts.join('\n\n') : `The package carries no licence text; it declares ${license}.`;
    return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${body}\n`;
  });
  return [head, ...parts].join('\n');
}
