import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { watchPolicyCrd } from '../../src/api/crd.ts';
import { parsePolicySpec } from '../../src/api/parse-policy.ts';
import { eventually } from '../cluster/eventually.ts';
import { at, type Manifest, parseManifest } from '../cluster/kube-object.ts';
import { goodPolicies } from '../support/policy-fixtures.ts';
import { PROJECT } from '../support/reader.ts';
import { useStage } from '../support/stage.ts';
import { POLICIES_OF_FLEET, placed } from '../upgrade/fleet.ts';
import { RECORDS } from '../upgrade/record.ts';

const stage = useStage();
/** The kind under another group: nobody else's policies go through this. */
const GROUP = 'stored.example.com';
const NAME = `watchpolicies.${GROUP}`;
const COLLECTION = `/apis/${GROUP}/v1alpha1/watchpolicies`;
const JSON_TYPE = { 'content-type': 'application/json' };

afterAll(async () => {
  await stage().admin.request('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${NAME}`);
});

/** A field that only the newer one has shows that the server goes by it. */
function moved(crd: Manifest, more: object = {}): Manifest {
  const text = JSON.stringify(crd).replaceAll('watchkeeper.dev', GROUP).replaceAll('"wp"', '"swp"');
  const copy = JSON.parse(text) as { spec: { versions: { schema: { openAPIV3Schema: { properties: object } } }[] } };
  for (const { schema } of copy.spec.versions) Object.assign(schema.openAPIV3Schema.properties, more);
  return parseManifest(copy);
}

function policies(): readonly Manifest[] {
  const folder = join(PROJECT, 'config', 'policies');
  const ready = readdirSync(folder).map((file) => parseManifest(parse(readFileSync(join(folder, file), 'utf8'))));
  const fleet = POLICIES_OF_FLEET.flatMap(({ name, specs }) =>
    specs.map((spec, i) => ({
      apiVersion: '',
      kind: '',
      metadata: { name: `fleet-${name}-${i}` },
      spec: placed(spec, 'a'),
    })),
  );
  return [...goodPolicies(), ...ready, ...fleet].map(({ metadata, ...policy }) => ({
    apiVersion: `${GROUP}/v1alpha1`,
    kind: 'WatchPolicy',
    metadata: { name: metadata.name ?? '' },
    spec: at(policy, 'spec'),
  }));
}

test.each(readdirSync(RECORDS))(
  'M4: policies that were stored under the CustomResourceDefinition of version %s are valid, unchanged and writable under the present one',
  async (release) => {
    const { admin } = stage();
    const older: unknown = parse(readFileSync(new URL(`${release}/crd.yaml`, RECORDS), 'utf8'));
    await admin.apply(moved(parseManifest(older)), { force: true });
    await admin.waitForCrd(NAME);
    const stored = [];
    for (const policy of policies()) stored.push(await admin.apply(policy));
    expect(stored.length).toBeGreaterThan(20);

    await admin.apply(moved(watchPolicyCrd(), { probe: { type: 'string' } }), { force: true });
    const [first] = stored;
    const probe = { apiVersion: `${GROUP}/v1alpha1`, kind: 'WatchPolicy', metadata: { name: 'probe' } };
    await eventually(
      'the present CustomResourceDefinition',
      async () =>
        admin.json('POST', `${COLLECTION}?dryRun=All`, { ...probe, spec: first?.['spec'], probe: 'x' }, JSON_TYPE),
      (answer) => at(answer, 'probe') === 'x',
    );
    for (const { metadata, ...before } of stored) {
      const path = `${COLLECTION}/${metadata.name}`;
      const now = await admin.get(path);
      expect(now['spec'], metadata.name).toEqual(before['spec']);
      // As a new one too: the server lets pass what it would not take any more where it stays as it was.
      const again = { ...probe, metadata: { name: `again-${metadata.name}`.slice(0, 200) }, spec: now['spec'] };
      await admin.json('POST', `${COLLECTION}?dryRun=All&fieldValidation=Strict`, again, JSON_TYPE);
      expect((await admin.replace(path, now)).metadata.resourceVersion).toBe(metadata.resourceVersion);
      expect(parsePolicySpec(now['spec'])).toMatchObject({ ok: true });
    }
  },
);
