/**
 * The product's informers alone, doing what the Go baseline does: lists and watches the kinds that the file named by
 * its argument tells of, and tells of it in lines of JSON. It ends when its input does. To be started with
 * `--expose-gc`.
 */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { VERSION } from '../../src/base/version.ts';
import { type DesiredWatch, InformerRegistry } from '../../src/informer/registry.ts';
import { type WatchId, watchId } from '../../src/informer/watch-spec.ts';
import { loadCredentials } from '../../src/kube/credentials.ts';
import { createKubeClient, userAgentOf } from '../../src/kube/http-client.ts';
import { createListWatch } from '../../src/kube/list-watch-client.ts';
import { heapBytes, say, spentSeconds } from './telling.ts';

const Work = z.object({
  kubeconfig: z.string(),
  kinds: z.array(z.object({ group: z.string(), version: z.string(), resource: z.string() })),
  /** Top-level fields to keep beside the metadata; none: metadata alone. */
  fields: z.array(z.string()),
  watchList: z.boolean(),
  settleMs: z.number(),
});

const [, , file = ''] = process.argv;
const { kubeconfig, kinds, fields, watchList, settleMs } = Work.parse(JSON.parse(readFileSync(file, 'utf8')));
const credentials = await loadCredentials({ kubeconfig }, systemClock, silentLog);
const client = createKubeClient({ credentials, userAgent: userAgentOf(VERSION), clock: systemClock, log: silentLog });
const allSynced = Promise.withResolvers<void>();
let told = 0;
const waiting = new Set<WatchId>();
const registry = new InformerRegistry({
  createListWatch: (spec) => createListWatch(client, spec),
  watchList,
  prepare: (informer, _spec, id) => {
    waiting.add(id);
    informer.addHandler({
      // Somebody hears of each object, as in the product.
      change: (_object, previous) => {
        if (previous === undefined) told += 1;
      },
      remove: () => {},
      synced: () => {
        waiting.delete(id);
        if (waiting.size === 0) allSynced.resolve();
      },
    });
  },
  clock: systemClock,
  random: Math.random,
  log: silentLog,
});
const representation = fields.length === 0 ? { kind: 'Metadata' as const } : { kind: 'Projected' as const, fields };
const owners = new Set(['bench']);
const desired = new Map<WatchId, DesiredWatch>(
  kinds.map((gvr) => [watchId({ gvr, representation }), { spec: { gvr, representation }, owners }]),
);
const before = heapBytes();
registry.reconcile(desired);
await allSynced.promise;
// Since the process began, as the kernel has it.
say({ event: 'Synced', seconds: performance.now() / 1_000, cpuSeconds: spentSeconds(), objects: told });
setTimeout(() => {
  say({ event: 'Settled', heapBytes: heapBytes() - before });
}, settleMs);
process.stdin.on('end', () => process.exit()).resume();
