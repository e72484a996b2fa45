import { eventually } from '../../test/cluster/eventually.ts';
import { CRDS, collectionOf, crdName, SmallCrds, type SmallKind, smallCrd } from '../../test/support/small-crd.ts';
import type { Watched } from '../contestants.ts';
import type { BenchStage } from '../stage.ts';

/** All groups of kinds that the benchmarks make. */
export const BENCH_GROUPS = '*.bench.example';
const PER_GROUP = 100;
/** The more CRDs there are, the longer the server takes to serve one more. */
const PATIENCE_MS = 900_000;

function kindOf(i: number): SmallKind {
  const group = `g${Math.floor(i / PER_GROUP)}.bench.example`;
  return { group, plural: `things${i}`, kind: `Thing${i}` };
}

/** The first so many kinds, as contestants are told of them. */
export function kindsUpTo(count: number): Watched['kinds'] {
  return Array.from({ length: count }, (_, i) => {
    const { group, plural } = kindOf(i);
    return { group, version: 'v1', resource: plural };
  });
}

/** Makes kinds number `from` to below `to`, which the operator may watch and patch; resolves when all of them are served. */
export async function makeKinds(stage: BenchStage, from: number, to: number): Promise<void> {
  const { admin } = stage;
  const kinds = Array.from({ length: to - from }, (_, i) => kindOf(from + i));
  for (const group of new Set(kinds.map((kind) => kind.group))) await stage.grant(group, ['*']);
  const queue = kinds.values();
  const worker = async (): Promise<void> => {
    for (const kind of queue) await admin.apply(smallCrd(kind));
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  const crds = new SmallCrds(stage);
  for (const kind of kinds) await crds.established(kind);
  // A kind that is established may not be served yet.
  const options = { timeoutMs: PATIENCE_MS };
  for (const kind of kinds) {
    const read = async () => (await admin.request('GET', `${collectionOf(kind)}?limit=1`)).status;
    await eventually(`${CRDS}/${crdName(kind)} served`, read, (status) => status === 200, options);
  }
}
