import type { Manifest } from '../test/cluster/kube-object.ts';
import { certificate, database, scaledObject, serviceMonitor } from '../test/support/custom-kinds.ts';

/** Namespaces by name; the label is what the objects in them shall carry. */
export const NAMESPACES: Readonly<Record<string, string>> = { 'team-a': 'cc-1001', 'team-b': 'cc-2002' };

export const COST_CENTER = 'cost-center';
const team = { team: 'checkout' };

/** One carries another cost center than its namespace, one has no team, one a team that is not written as it should be. */
export const SAMPLES: readonly Manifest[] = [
  certificate('team-a', 'web', team),
  certificate('team-a', 'api'),
  scaledObject('team-a', 'web', team),
  serviceMonitor('team-a', 'web', team),
  certificate('team-b', 'shop', { team: 'Shop' }),
  scaledObject('team-b', 'shop', team),
  scaledObject('team-b', 'worker', { ...team, [COST_CENTER]: 'cc-1001' }),
  serviceMonitor('team-b', 'shop', team),
];

/** Of the kind that arrives late. */
export const LATE: Manifest = database('team-b', 'orders');

/** Where objects of that kind are created. */
export const LATE_PATH = '/apis/postgresql.cnpg.io/v1/namespaces/team-b/databases';

/** Files below test/fixtures/crds. */
export const CRDS = ['cert-manager.io_certificates', 'keda.sh_scaledobjects', 'monitoring.coreos.com_servicemonitors'];
export const LATE_CRD = 'postgresql.cnpg.io_databases';
