import type { Manifest } from '../test/cluster/kube-object.ts';
import type { Installation } from '../test/support/installation.ts';
import type { ProductProcess } from '../test/support/product-process.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { Terminal } from './terminal.ts';

/** What a step of the story works with. */
export interface Scene {
  readonly terminal: Terminal;
  readonly installation: Installation;
  readonly operator: ProductProcess;
  readonly trail: AuditTrail;
}

export const POLICY_PATH = '/apis/watchkeeper.dev/v1alpha1/watchpolicies';

/** The label of an object as it is now; undefined when it has none. */
export async function labelOf({ installation }: Scene, object: Manifest, key: string): Promise<string | undefined> {
  const { metadata } = await installation.admin.get(await installation.admin.pathOf(object));
  return metadata.labels[key];
}

/** Somebody writes a label, or with `null` takes it away. */
export async function setLabel(
  { installation }: Scene,
  object: Manifest,
  key: string,
  value: string | null,
): Promise<void> {
  const path = await installation.admin.pathOf(object);
  await installation.admin.patch(path, { metadata: { labels: { [key]: value } } });
}

/** The first three cells of a row about an object. */
export function cells({ kind, metadata }: Manifest): readonly [string, string, string] {
  return [metadata.namespace ?? '', kind, metadata.name ?? ''];
}

export const OBJECT_HEAD = ['NAMESPACE', 'KIND', 'NAME'] as const;
/** Stands where there is nothing. */
export const NOTHING = '-';
