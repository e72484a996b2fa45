import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch, type WatchCall } from '../../test/support/scripted-list-watch.ts';
import type { CachedObject } from '../api/object.ts';
import { silentLog } from '../base/log.ts';
import { Informer } from './informer.ts';
import { EVERYTHING, type Selection, type Slice, sliceId } from './selection.ts';
import { SELECTORS_AGAIN_MS } from './selector-refusals.ts';

const text = ({ namespace, name, resourceVersion }: CachedObject) => `${namespace}/${name}@${resourceVersion}`;
const PROD: Selection = [{ labelSelector: 'env in (prod)' }];
const DEV: Selection = [{ labelSelector: 'env in (dev)' }];
const inNamespaces = (first: string, ...more: string[]): Selection => [
  { namespace: first },
  ...more.map((namespace) => ({ namespace })),
];

const at = (name: string, resourceVersion: string, namespace = 'a') =>
  cachedObject({ name, resourceVersion, namespace });

/** Each slice has a script of its own. */
function setUp(selection: Selection) {
  const clock = new ManualClock();
  const scripts = new Map<string, ScriptedListWatch>();
  const informer = new Informer({
    listWatch: (slice) => {
      const script = scripts.get(sliceId(slice)) ?? new ScriptedListWatch();
      scripts.set(sliceId(slice), script);
      return script;
    },
    selection,
    clock,
    random: () => 0,
    log: silentLog,
    name: 'configmaps v1',
  });
  const told: string[] = [];
  informer.addHandler({
    change: (object, previous) => told.push(`${previous === undefined ? 'new' : text(previous)} > ${text(object)}`),
    remove: (object) => told.push(`remove ${text(object)}`),
    synced: () => told.push('synced'),
  });
  const script = (slice: Slice = selection[0]): ScriptedListWatch => {
    const found = scripts.get(sliceId(slice));
    if (found === undefined) throw new Error(`nobody asks for ${sliceId(slice)}`);
    return found;
  };
  /** Answers the list of a slice, and opens its watch. */
  const sync = async (slice: Slice, items: readonly CachedObject[], rv = '10'): Promise<WatchCall> => {
    (await script(slice).nextList()).answer(items, rv);
    const watch = await script(slice).nextWatch();
    watch.open();
    return watch;
  };
  const stored = () => [...informer.store.values()].map(text).toSorted();
  return { informer, clock, told, script, sync, stored };
}

describe('an object that leaves what is selected', () => {
  test('row 43: is out of sight, and comes again under its uid with the version that brings it back', async () => {
    const { informer, told, sync, stored } = setUp(PROD);
    informer.start();
    const watch = await sync(PROD[0], [at('x', '1')]);
    // The server tells of it as it was before, in the version in which it left.
    watch.send({ type: 'DELETED', object: at('x', '11') });
    expect([told.splice(0), stored()]).toEqual([['new > a/x@1', 'synced', 'remove a/x@1'], []]);
    watch.send({ type: 'ADDED', object: at('x', '11') }, { type: 'MODIFIED', object: at('x', '9') });
    expect(told).toEqual([]);
    watch.send({ type: 'ADDED', object: at('x', '12') }, { type: 'MODIFIED', object: at('x', '13') });
    expect(told.splice(0)).toEqual(['new > a/x@12', 'a/x@12 > a/x@13']);
    watch.send({ type: 'DELETED', object: at('x', '14') });
    expect(stored()).toEqual([]);
    await informer.stop();
  });

  test('row 43: and has come again stays when its leaving is told of once more', async () => {
    const { informer, told, sync, stored } = setUp(PROD);
    informer.start();
    const watch = await sync(PROD[0], [at('x', '1')]);
    watch.send({ type: 'DELETED', object: at('x', '10') }, { type: 'ADDED', object: at('x', '12') });
    expect(told.splice(0)).toEqual(['new > a/x@1', 'synced', 'remove a/x@1', 'new > a/x@12']);
    watch.send({ type: 'DELETED', object: at('x', '10') });
    expect([told, stored()]).toEqual([[], ['a/x@12']]);
    watch.send({ type: 'DELETED', object: at('x', '14') });
    expect([told, stored()]).toEqual([['remove a/x@12'], []]);
    await informer.stop();
  });

  test('row 43: may be there all the same, and a look by name tells; where all is selected, what is not known is not there', async () => {
    const { informer, script, sync } = setUp(PROD);
    expect(informer.isWhole).toBe(false);
    informer.start();
    await sync(PROD[0], [at('x', '1')]);
    expect(informer.isWhole).toBe(false);
    const ask = async (name: string, found: readonly CachedObject[]) => {
      const answer = informer.look({ namespace: 'a', name }, new AbortController().signal);
      (await script({ namespace: 'a', fieldSelector: `metadata.name=${name}` }).nextList()).answer(found, '20');
      return answer;
    };
    expect(await ask('x', [at('x', '11')])).toBe('uid-a-x');
    expect(await ask('y', [])).toBeUndefined();
    // Of a server that does not heed the selector.
    expect(await ask('z', [at('other', '11')])).toBeUndefined();
    informer.select(EVERYTHING);
    expect(informer.isWhole).toBe(false);
    await sync({}, [at('x', '11')], '20');
    expect(informer.isWhole).toBe(true);
    await informer.stop();
    expect(informer.isWhole).toBe(false);
  });
});

describe('when others are selected', () => {
  test('row 43: what is selected before and after is told of only where it has changed, and nothing between is lost', async () => {
    const { informer, told, script, sync, stored } = setUp(PROD);
    informer.start();
    const before = await sync(PROD[0], [at('both', '1'), at('changes', '2'), at('leaves', '3'), at('goes', '4')]);
    told.splice(0);
    informer.select(DEV);
    expect(before.options.signal.aborted).toBe(true);
    before.send({ type: 'DELETED', object: at('both', '11') });
    // Until the new list is whole, the old picture stands; that it is not all, is said.
    expect(informer.status).toMatchObject({ synced: true, selecting: true, phase: 'Syncing', objects: 4 });
    expect(told).toEqual([]);
    const watch = await sync(DEV[0], [at('both', '1'), at('changes', '12'), at('comes', '5')], '20');
    expect(told.splice(0)).toEqual([
      'remove a/leaves@3',
      'remove a/goes@4',
      'a/changes@2 > a/changes@12',
      'new > a/comes@5',
      'synced',
    ]);
    expect(informer.status).toMatchObject({ synced: true, selecting: false, phase: 'Watching', relists: 0 });
    watch.send({ type: 'ADDED', object: at('leaves', '21') });
    expect(stored()).toEqual(['a/both@1', 'a/changes@12', 'a/comes@5', 'a/leaves@21']);
    informer.select(DEV);
    expect(await script(DEV[0]).quiet()).toBe(true);
    await informer.stop();
  });

  test('row 43: a list that fails is tried again, and the old picture stands meanwhile', async () => {
    const { informer, clock, told, script, sync, stored } = setUp(PROD);
    informer.start();
    await sync(PROD[0], [at('x', '1')]);
    told.splice(0);
    informer.select(EVERYTHING);
    (await script({}).nextList()).fail(apiError('Unavailable'));
    await clock.settle();
    expect(informer.status).toMatchObject({ synced: true, selecting: true, phase: 'BackingOff' });
    expect([told, stored()]).toEqual([[], ['a/x@1']]);
    await clock.advance(2_000);
    await sync({}, [at('x', '1'), at('y', '2')]);
    expect(told).toEqual(['new > a/y@2', 'synced']);
    expect(informer.status).toMatchObject({ selecting: false, lastError: undefined });
    await informer.stop();
  });

  test('what was wrong before is not taken for mended because others are selected', async () => {
    const { informer, sync, clock } = setUp(PROD);
    informer.start();
    (await sync(PROD[0], [])).fail(apiError('Forbidden'));
    await clock.settle();
    informer.select(DEV);
    expect(informer.status.lastError?.code).toBe('Forbidden');
    await sync(DEV[0], []);
    expect(informer.status.lastError).toBeUndefined();
    await informer.stop();
  });

  test('row 43: before the first list, only the new selection is listed', async () => {
    const { informer, told, script, sync } = setUp(PROD);
    informer.start();
    const list = await script(PROD[0]).nextList();
    informer.select(DEV);
    expect(list.options.signal.aborted).toBe(true);
    expect(informer.status).toMatchObject({ synced: false, selecting: false });
    await sync(DEV[0], [at('x', '1')]);
    expect(told).toEqual(['new > a/x@1', 'synced']);
    await informer.stop();
  });

  test('row 43: a server that takes no selector is asked for everything, also when others are selected later', async () => {
    const { informer, clock, script, sync, told } = setUp(PROD);
    informer.start();
    (await script(PROD[0]).nextList()).fail(apiError('BadRequest'));
    await clock.settle();
    const watch = await sync({}, [at('x', '1')]);
    expect([told, informer.isNarrowed]).toEqual([['new > a/x@1', 'synced'], false]);
    expect(informer.select(DEV)).toBe(false);
    expect(informer.select([{ ...DEV[0], namespace: 'a' }])).toBe(true);
    expect(watch.options.signal.aborted).toBe(true);
    await sync({ namespace: 'a' }, [at('x', '1')]);
    expect(informer.isWhole).toBe(false);
    await informer.stop();
  });

  test('row 43: a selector that was refused is tried again after an hour, and refused again it waits for as long', async () => {
    const { informer, clock, script, sync, told } = setUp(PROD);
    informer.start();
    (await script(PROD[0]).nextList()).fail(apiError('BadRequest'));
    await clock.settle();
    await sync({}, [at('x', '1'), at('y', '2')]);
    // What is asked for meanwhile is what is tried.
    expect(informer.select(DEV)).toBe(false);
    told.splice(0);
    await clock.advance(SELECTORS_AGAIN_MS - 1);
    expect([informer.isNarrowed, script({}).running]).toEqual([false, 1]);
    await clock.advance(1);
    expect([informer.isNarrowed, script({}).running]).toEqual([true, 0]);
    (await script(DEV[0]).nextList()).fail(apiError('BadRequest'));
    await clock.settle();
    const again = script({}).calls.at(-1);
    if (again?.kind !== 'list') throw new Error('everything is not listed');
    again.answer([at('x', '1'), at('y', '2')], '20');
    await clock.settle();
    expect([told.splice(0), informer.isWhole]).toEqual([['synced'], true]);
    await clock.advance(SELECTORS_AGAIN_MS);
    await sync(DEV[0], [at('x', '1')], '30');
    expect([told, informer.isNarrowed]).toEqual([['remove a/y@2', 'synced'], true]);
    expect(informer.select(PROD)).toBe(true);
    await informer.stop();
    expect(clock.pending).toBe(0);
  });

  test('row 43: what is refused in the middle of a list is refused for its place in it: the selection stays', async () => {
    const { informer, clock, script, sync } = setUp(PROD);
    informer.start();
    (await script(PROD[0]).nextList()).answer([at('x', '1')], '10', 'next');
    const page = await script(PROD[0]).nextList();
    expect(page.options.continue).toBe('next');
    page.fail(apiError('BadRequest'));
    await clock.settle();
    expect([informer.isNarrowed, informer.status.phase]).toEqual([true, 'BackingOff']);
    await clock.advance(2_000);
    const watch = await sync(PROD[0], [at('x', '1')]);
    // Nor does an error within a watch say anything of what was taken when it began.
    watch.send({ type: 'ERROR', error: apiError('BadRequest') });
    await clock.advance(2_000);
    await sync(PROD[0], [at('x', '1')]);
    expect([informer.isNarrowed, informer.status.lastError]).toEqual([true, undefined]);
    await informer.stop();
  });

  test('row 43: a server that takes selectors in lists and not in watches is asked for everything', async () => {
    const { informer, clock, script, sync } = setUp(PROD);
    informer.start();
    (await script(PROD[0]).nextList()).answer([at('x', '1')], '10');
    (await script(PROD[0]).nextWatch()).fail(apiError('BadRequest'));
    await clock.settle();
    await sync({}, [at('x', '1')]);
    expect([informer.isNarrowed, clock.pending > 0]).toEqual([false, true]);
    await informer.stop();
    expect(clock.pending).toBe(0);
  });

  test('row 43: a server that refuses to give everything too is asked again after a wait', async () => {
    const { informer, clock, script, sync } = setUp(PROD);
    informer.start();
    (await script(PROD[0]).nextList()).fail(apiError('BadRequest'));
    await clock.settle();
    (await script({}).nextList()).fail(apiError('BadRequest'));
    await clock.settle();
    expect(informer.status).toMatchObject({ phase: 'BackingOff', lastError: { code: 'BadRequest' } });
    await clock.advance(2_000);
    await sync({}, [at('x', '1')]);
    expect(informer.status.lastError).toBeUndefined();
    await informer.stop();
  });

  test('is refused once it has stopped', async () => {
    const { informer } = setUp(PROD);
    await informer.stop();
    expect(() => informer.select(EVERYTHING)).toThrow('it is stopped');
  });
});

describe('several namespaces', () => {
  test('are synced together; each has a list and a watch of its own, which says nothing of the others', async () => {
    const { informer, told, sync, stored } = setUp(inNamespaces('a', 'b'));
    informer.start();
    const a = await sync({ namespace: 'a' }, [at('x', '1')]);
    expect([informer.status.synced, told.splice(0)]).toEqual([false, ['new > a/x@1']]);
    await sync({ namespace: 'b' }, [at('x', '2', 'b')]);
    expect([informer.status.synced, told.splice(0)]).toEqual([true, ['new > b/x@2', 'synced']]);
    a.send({ type: 'ERROR', error: apiError('Gone') });
    expect(informer.status).toMatchObject({ phase: 'Syncing', restarts: { Gone: 1 } });
    await sync({ namespace: 'a' }, [at('y', '11')], '20');
    expect(told).toEqual(['remove a/x@1', 'new > a/y@11', 'synced']);
    expect(stored()).toEqual(['a/y@11', 'b/x@2']);
    await informer.stop();
  });

  test('row 43: one more is listed by itself, one fewer costs nothing, and all of them together are one list', async () => {
    const { informer, told, script, sync, stored } = setUp(inNamespaces('a'));
    informer.start();
    const a = await sync({ namespace: 'a' }, [at('x', '1')]);
    told.splice(0);
    informer.select(inNamespaces('a', 'b'));
    expect(informer.status.selecting).toBe(true);
    await sync({ namespace: 'b' }, [at('x', '2', 'b')]);
    expect([a.options.signal.aborted, told.splice(0)]).toEqual([false, ['new > b/x@2', 'synced']]);
    informer.select(inNamespaces('b'));
    expect([a.options.signal.aborted, told.splice(0)]).toEqual([true, ['remove a/x@1', 'synced']]);
    expect([informer.status.selecting, stored()]).toEqual([false, ['b/x@2']]);
    expect(await script({ namespace: 'b' }).quiet()).toBe(true);
    informer.select(EVERYTHING);
    await sync({}, [at('x', '1'), at('x', '2', 'b'), at('x', '3', 'c')]);
    expect(told.splice(0)).toEqual(['new > a/x@1', 'new > c/x@3', 'synced']);
    informer.select(inNamespaces('a', 'c'));
    await sync({ namespace: 'a' }, [at('x', '1')]);
    await sync({ namespace: 'c' }, []);
    expect(told).toEqual(['remove c/x@3', 'remove b/x@2', 'synced']);
    await informer.stop();
  });

  test('row 43: all are there once the one that cannot be listed is not selected any more, and nothing is wrong then', async () => {
    const { informer, told, script, sync } = setUp(inNamespaces('a', 'b'));
    const errors: (string | undefined)[] = [];
    informer.addHandler({
      change: () => {},
      remove: () => {},
      synced: () => {},
      status: ({ lastError }) => errors.push(lastError?.code),
    });
    informer.start();
    await sync({ namespace: 'a' }, [at('x', '1')]);
    (await script({ namespace: 'b' }).nextList()).fail(apiError('Forbidden'));
    await expect.poll(() => errors.at(-1)).toBe('Forbidden');
    expect([told.splice(0), informer.synced]).toEqual([['new > a/x@1'], false]);
    informer.select(inNamespaces('a'));
    expect([told, informer.synced, errors.at(-1)]).toEqual([['synced'], true, undefined]);
    await informer.stop();
  });

  test('leave no request behind, whatever was selected last', async () => {
    const { informer, clock, script, sync } = setUp(inNamespaces('a', 'b'));
    informer.start();
    await sync({ namespace: 'a' }, []);
    informer.select(inNamespaces('b', 'c'));
    informer.select(DEV);
    await informer.stop();
    await clock.settle();
    const slices: readonly Slice[] = [...inNamespaces('a', 'b', 'c'), ...DEV];
    expect(slices.map((slice) => script(slice).running)).toEqual([0, 0, 0, 0]);
    expect(clock.pending).toBe(0);
  });
});
