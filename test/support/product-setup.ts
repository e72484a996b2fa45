import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildProduct } from '../../scripts/build.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the bundle that the journeys run: the very file that users run, made from the present sources. */
    productBundle: string;
  }
}

/** Vitest's global setup: builds the product once for all journeys. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-product-'));
  const remove = async () => rm(folder, { recursive: true, force: true });
  try {
    const { bundle } = await buildProduct(
      join(import.meta.dirname, '..', '..', 'src', 'main.ts'),
      join(folder, 'dist'),
    );
    project.provide('productBundle', bundle);
    return remove;
  } catch (error) {
    await remove();
    throw error;
  }
}
