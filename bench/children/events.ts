/**
 * The way of an event through the product, from the bytes of a watch to the end of an evaluation that asks for nothing,
 * with so many policies on its kind. Its argument is a file that says how many; it prints one line of JSON. To be
 * started with `--expose-gc`.
 */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import * as z from 'zod';
import { objectKey } from '../../src/api/object.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { ObjectController } from '../../src/controller/object-controller.ts';
import { WatchedKind } from '../../src/controller/watched-kind.ts';
import { Informer } from '../../src/informer/informer.ts';
import { createListWatch } from '../../src/kube/list-watch-client.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { KindContext } from '../../src/policy/program.ts';
import { VerdictTable } from '../../src/report/verdict-table.ts';
import { ObjectContentionGuard } from '../../src/write/contention-guard.ts';
import { objectRequests } from '../../src/write/object-requests.ts';
import { ObjectWriter } from '../../src/write/object-writer.ts';
import { cachedObject } from '../../test/support/cached-object.ts';
import { controllerOptions } from '../../test/support/kind-stage.ts';
import { manyPolicies } from '../load/policies.ts';
import { namespaceOfObject, WatchedServer, watchChunks } from '../load/watch-stream.ts';
import { say, spentSeconds } from './telling.ts';

const OBJECTS = 1_000;
/** Until the engine has compiled what it will. */
const WARM_UP = 4_000;
const KIND: KindContext = { group: '', resource: 'configmaps', version: 'v1', kind: 'ConfigMap', scope: 'Namespaced' };
const Work = z.object({ policies: z.number(), events: z.number() });

const [, , file = ''] = process.argv;
const { policies, events } = Work.parse(JSON.parse(readFileSync(file, 'utf8')));
const { programs, third } = manyPolicies(policies);
const namespaces = new Map(
  Array.from({ length: OBJECTS }, (_, i) => namespaceOfObject(i)).map((name) => [
    name,
    cachedObject({ name, namespace: '', labels: { env: 'prod', tenant: 'bench' } }),
  ]),
);
const server = new WatchedServer(OBJECTS);
const forever = new AbortController().signal;
const listWatch = createListWatch(server, { gvr: KIND, representation: { kind: 'Metadata' } });
const informer = new Informer({ listWatch, clock: systemClock, random: Math.random, log: silentLog, name: 'bench' });
const kind = new WatchedKind(KIND, informer);
kind.setPrograms(programs);
let evaluations = 0;
const namespaceOf = (name: string) => namespaces.get(name);
const readOwners = async () => Promise.reject(new Error('nobody fights'));
const options = controllerOptions({
  clock: systemClock,
  random: Math.random,
  writer: new ObjectWriter(objectRequests(server, forever), silentLog),
  record: { ensure: async () => Promise.reject(new Error('nothing was to be written')) },
  createGuard: (context, enqueue) =>
    new ObjectContentionGuard({ kind: context, clock: systemClock, log: silentLog, enqueue, readOwners }),
  verdicts: new VerdictTable({ clock: systemClock, onChange: () => {}, inForce: () => undefined }),
  namespaceOf,
  writeWidth: 16,
  observe: {
    evaluated: () => {
      evaluations += 1;
    },
    wrote: () => {},
    caughtUp: () => {},
  },
});
const controller = new ObjectController(options);
controller.add(kind);
informer.addHandler({
  change: (object, _previous, origin) =>
    controller.enqueue(kind, objectKey(object), origin === 'Change' ? 'Change' : 'Bulk'),
  remove: (object) => controller.enqueue(kind, objectKey(object)),
  synced: () => controller.startPass(kind),
});
informer.start();
const send = await server.watched();
await evaluated();

const all = watchChunks(OBJECTS, WARM_UP + events);
const cut = Math.ceil((all.length * WARM_UP) / (WARM_UP + events));
await sendAll(all.slice(0, cut));
const before = evaluations;
const spent = spentSeconds();
const since = performance.now();
await sendAll(all.slice(cut));
const seconds = (performance.now() - since) / 1_000;
const cpuSeconds = spentSeconds() - spent;
if (controller.writeDepth > 0) throw new Error('an object that is as wanted was to be written');
say({ policies, third, events: evaluations - before, seconds, cpuSeconds, evaluateMicros: evaluateMicros() });
process.exit();

async function sendAll(chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    send(chunk);
    await evaluated();
  }
}

/** What came is done with before more comes, so that no two events of an object become one. */
async function evaluated(): Promise<void> {
  do await setImmediate();
  while (controller.evaluationDepth > 0);
}

/** Of the evaluation alone, in CPU time. */
function evaluateMicros(): number {
  const objects = [...informer.store.values()];
  const held = new Map();
  const rounds = Math.max(1, Math.round(events / objects.length));
  const begun = spentSeconds();
  for (let round = 0; round < rounds; round += 1) {
    for (const object of objects) evaluate({ object, kind: KIND, programs, held, namespaceOf });
  }
  return (1e6 * (spentSeconds() - begun)) / (rounds * objects.length);
}
