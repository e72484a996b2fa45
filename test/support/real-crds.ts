import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as z from 'zod';
import { type Manifest, parseManifest } from '../cluster/kube-object.ts';
import { FIXTURE_CRDS } from './custom-kinds.ts';

const specSchema = z.looseObject({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ group: z.string(), names: z.object({ plural: z.string() }) }),
});

export interface RealCrd {
  /** `plural.group` */
  readonly name: string;
  readonly group: string;
  readonly manifest: Manifest;
}

/** The CRDs of ten well-known projects, see test/fixtures/crds/README.md. */
export function realCrds(): readonly RealCrd[] {
  const text = gunzipSync(readFileSync(join(FIXTURE_CRDS, 'real-crds.jsonl.gz'))).toString();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const document: unknown = JSON.parse(line);
      const { metadata, spec } = specSchema.parse(document);
      return { name: metadata.name, group: spec.group, manifest: parseManifest(document) };
    });
}
