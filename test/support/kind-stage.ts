import { type CachedObject, NO_KEYS } from '../../src/api/object.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ObjectControllerOptions } from '../../src/controller/object-controller.ts';
import type { WriteOutcome, Writer } from '../../src/controller/writer.ts';
import { Informer } from '../../src/informer/informer.ts';
import type { Desired } from '../../src/policy/desired.ts';
import type { KindContext } from '../../src/policy/program.ts';
import { cachedObject } from './cached-object.ts';
import { ManualClock } from './manual-clock.ts';
import { QUIET_GUARD } from './quiet-guard.ts';
import { ScriptedListWatch, type WatchCall } from './scripted-list-watch.ts';

/** An informer whose watch is open, and how to make things happen on the server. */
export interface InformerStage {
  readonly informer: Informer;
  readonly listWatch: ScriptedListWatch;
  readonly watch: WatchCall;
}

/** The informer has a clock of its own, which stands still. */
export async function startInformer(objects: readonly CachedObject[]): Promise<InformerStage> {
  const listWatch = new ScriptedListWatch();
  const clock = new ManualClock();
  const informer = new Informer({ listWatch, clock, random: () => 0, log: silentLog, name: 'test' });
  informer.start();
  (await listWatch.nextList()).answer(objects, '10');
  const watch = await listWatch.nextWatch();
  watch.open();
  return { informer, listWatch, watch };
}

type Answer = WriteOutcome | undefined | Promise<WriteOutcome | undefined>;

/**
 * A writer of labels that keeps what it was asked for, and answers as the test says; without that, as a server that
 * takes all.
 */
export class ScriptedWriter implements Writer {
  /** Names of the objects, in the order of the writes. */
  readonly writes: string[] = [];
  answer: (object: CachedObject) => Answer = () => undefined;
  #version = 1_000;

  differs({ labels, applied }: CachedObject, desired: Desired): boolean {
    const wanted = desired.applied.labels;
    for (const [key, value] of wanted) if (labels[key] !== value || !applied.labels.includes(key)) return true;
    return applied.labels.some((key) => !wanted.has(key));
  }

  async write(_kind: KindContext, object: CachedObject, desired: Desired): Promise<WriteOutcome> {
    this.writes.push(object.name);
    return (await this.answer(object)) ?? { kind: 'Written', answer: this.applied(object, desired) };
  }

  /** The object as it is after the write. */
  applied(object: CachedObject, { applied, retained }: Desired): CachedObject {
    this.#version += 1;
    const kept = Object.entries(object.labels).filter(([key]) => !object.applied.labels.includes(key));
    return {
      ...object,
      resourceVersion: String(this.#version),
      labels: Object.fromEntries([...kept, ...retained.labels, ...applied.labels]),
      applied: { ...NO_KEYS, labels: [...applied.labels.keys()].toSorted() },
    };
  }
}

type Given = Partial<ObjectControllerOptions> & Pick<ObjectControllerOptions, 'clock' | 'writer' | 'verdicts'>;

/** Of a controller for which all that is not given is as quiet as it can be. */
export function controllerOptions(given: Given): ObjectControllerOptions {
  return {
    log: silentLog,
    random: () => 0,
    record: { ensure: async () => {} },
    createGuard: () => QUIET_GUARD,
    namespaceOf: (name) => cachedObject({ name, namespace: '' }),
    held: () => new Map(),
    protection: () => 'Free',
    ownNamespace: 'watchkeeper',
    isReady: () => true,
    onKindChange: () => {},
    handedOver: () => [],
    isKnown: () => true,
    onKindIdle: () => {},
    writeWidth: 4,
    ...given,
  };
}
