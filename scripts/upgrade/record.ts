/**
 * Keeps on record what this version leaves in a cluster, for the upgrade tests of the versions after it. It runs this
 * version on a control plane of its own, over objects and policies that make it use everything it has.
 *
 *   npm run upgrade-record
 *
 * Once for each version that is released; a record is never made again after that.
 */
import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { VERSION } from '../../src/base/version.ts';
import type { Admin } from '../../test/cluster/api.ts';
import { ensureBinaries } from '../../test/cluster/build-binaries.ts';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import { at, type KubeObject } from '../../test/cluster/kube-object.ts';
import { Watchdog } from '../../test/cluster/watchdog.ts';
import { install, POLICIES } from '../../test/support/installation.ts';
import { NAMESPACE_LABELS, NS, PATTERNS, POLICIES_OF_FLEET, SIZE_CRDS } from '../../test/upgrade/fleet.ts';
import { fleetObjects, LEDGER } from '../../test/upgrade/fleet-cluster.ts';
import { makeFleet } from '../../test/upgrade/make-fleet.ts';
import {
  type KeyValues,
  keysOf,
  OUR_MANAGERS,
  ourFields,
  RECORDS,
  type UpgradeRecord,
} from '../../test/upgrade/record.ts';
import { buildProduct } from '../build.ts';
import { atRest, operatorOf } from './operator.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-record-'));
const watchdog = new Watchdog(folder);
const { bundle } = await buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
const binaries = await ensureBinaries();
await using cluster = await startControlPlane({ binaries });
const { admin, operatorKubeconfig: kubeconfig } = await install(cluster);

const last = async (name: string) => (await admin.get(`${POLICIES}/${name}`)).metadata.generation;
let operator = operatorOf(bundle, kubeconfig, watchdog);
await operator.ready();
const { namespace } = await makeFleet(admin, (place) => atRest(admin, operator, place));
for (const { name, specs } of POLICIES_OF_FLEET) {
  if ((await last(name)) !== specs.length) throw new Error(`policy ${name} was edited once too often`);
}
// What a process knows of before is no part of what it leaves.
await operator.stop();
operator = operatorOf(bundle, kubeconfig, watchdog);
await operator.ready();
await atRest(admin, operator, namespace);
await operator.stop();

const record = JSON.parse(JSON.stringify(await recorded(admin, namespace)).replaceAll(namespace, NS)) as UpgradeRecord;
const target = new URL(`${VERSION}/`, RECORDS);
await mkdir(target, { recursive: true });
const header = `# What version ${VERSION} leaves in a cluster. Made by \`npm run upgrade-record\` from a real run; never changed afterwards.\n`;
await writeFile(
  new URL('record.yaml', target),
  header + stringify(record, { lineWidth: 120, aliasDuplicateObjects: false }),
);
await copyFile(join(root, 'crds', 'watchkeeper.dev_watchpolicies.yaml'), new URL('crd.yaml', target));
admin.close();
await watchdog.release();
console.log(`wrote ${target.pathname}`);

async function recorded(from: Admin, ns: string): Promise<UpgradeRecord> {
  const objects = [...(await fleetObjects(from, ns)).values()];
  const policies = await Promise.all(
    POLICIES_OF_FLEET.map(async ({ name, specs }) => {
      const policy = await from.get(`${POLICIES}/${name}`);
      return {
        name,
        uid: policy.metadata.uid,
        specs: specs.map((spec) => ({ ...spec })),
        status: fieldsOf(policy['status']),
      };
    }),
  );
  const ledger = JSON.stringify(at(await from.get(LEDGER), 'data') ?? {});
  const standIns = policies.reduce((text, { name, uid }) => text.replaceAll(uid, `POLICY:${name}`), ledger);
  return {
    version: VERSION,
    namespaceLabels: NAMESPACE_LABELS,
    crds: SIZE_CRDS.map((crd) => JSON.parse(JSON.stringify(crd)) as UpgradeRecord['crds'][number]),
    patterns: PATTERNS.map(({ name, count, object }) => {
      const alike = objects.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
      const [first, ...others] = alike.map((one) => patternOf(one, object));
      if (first === undefined) throw new Error(`there is no object of pattern ${name}`);
      if (!others.every((other) => isDeepStrictEqual(other, first)))
        throw new Error(`the objects of pattern ${name} are not alike`);
      return { name, count, ...first };
    }),
    policies: policies.map(({ name, specs, status }) => ({ name, specs, status })),
    ledger: JSON.parse(standIns) as Record<string, string>,
  };
}

function patternOf(object: KubeObject, made: object): Omit<UpgradeRecord['patterns'][number], 'name' | 'count'> {
  const { metadata, apiVersion, kind } = object;
  const isPatched = metadata.annotations['watchkeeper.dev/own-keys'] !== undefined;
  const applied = OUR_MANAGERS.map(
    (one) => [one, keysOf(object, (manager, operation) => manager === one && operation === 'Apply')] as const,
  );
  const theirs: KeyValues = keysOf(object, (manager) => !OUR_MANAGERS.includes(manager));
  return {
    object: { ...made, apiVersion, kind, metadata: theirs },
    applied: Object.fromEntries(
      applied.filter(([, { labels, annotations }]) => Object.keys({ ...labels, ...annotations }).length > 0),
    ),
    // What nobody has by the server's record, which cannot be kept of such an object.
    ...(isPatched ? { patched: { labels: metadata.labels, annotations: metadata.annotations } } : {}),
    managedFields: ourFields(object),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return { ...(value as Record<string, unknown>) };
}
