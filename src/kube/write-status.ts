import type { CachedObject } from '../api/object.ts';
import { type ApplyTarget, applyStatus } from './apply.ts';
import type { KubeClient } from './client.ts';
import { ApiError, isSchemaDrift } from './errors.ts';
import { mergePatchStatus } from './merge-patch.ts';

export interface StatusTarget extends Omit<ApplyTarget, 'namespace'> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly status: Readonly<Record<string, unknown>>;
  /** Of every field that a status may have. */
  readonly fields: readonly string[];
}

/**
 * Writes the whole status of a cluster-scoped object of ours by apply. Nothing can be applied over a status that does not fit its
 * schema, such as one that was stored while the schema was another: that is replaced field by field.
 */
export async function writeStatus(client: KubeClient, { fields, ...target }: StatusTarget): Promise<CachedObject> {
  try {
    return await applyStatus(client, target);
  } catch (error) {
    if (!(error instanceof ApiError && isSchemaDrift(error))) throw error;
    const nothing = Object.fromEntries(fields.map((field) => [field, null]));
    return mergePatchStatus(client, { ...target, status: { ...nothing, ...target.status } });
  }
}
