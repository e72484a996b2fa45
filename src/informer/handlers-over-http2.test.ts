import { afterEach, expect, test } from 'vitest';
import { PATIENCE_MS } from '../../test/cluster/eventually.ts';
import { statusDocument } from '../../test/support/scripted-api.ts';
import { WireStage, widget } from '../../test/support/wire-stage.ts';
import type { CachedObject } from '../api/object.ts';

let stage: WireStage;

afterEach(() => stage.close());

test('row 28: it is synced once the last page of the first list was told, and each handler is told so itself', async () => {
  stage = await WireStage.start();
  const { api, informer, heard } = stage;
  const synced: string[] = [];
  const handler = (name: string) => ({
    change: () => synced.push(`${name} ${informer.status.synced}`),
    remove: () => {},
    synced: () => synced.push(`${name} synced ${informer.status.synced}`),
  });
  informer.addHandler(handler('one'));
  informer.addHandler(handler('two'));
  informer.start();
  (await api.next('list')).list('10', [widget('a', '5')], 'more');
  const last = await api.next('list more');
  expect([informer.status.synced, synced]).toEqual([false, []]);
  last.list('10');
  (await api.next('watch 10')).open();
  expect(await heard(2)).toEqual(['new > a@5', 'synced']);
  await stage.phase('Watching');
  expect(synced.toSorted()).toEqual(['one false', 'one synced true', 'two false', 'two synced true']);
});

test('row 29: a handler that comes while the watch is open hears what is there, and then what the watch brings', async () => {
  stage = await WireStage.start();
  const { informer, watching, heard } = stage;
  const watch = await watching();
  const late: string[] = [];
  informer.addHandler({
    change: ({ name, resourceVersion }, previous) =>
      late.push(`${previous === undefined ? 'new ' : ''}${name}@${resourceVersion}`),
    remove: ({ name }) => late.push(`remove ${name}`),
    synced: () => late.push('synced'),
  });
  expect(late).toEqual(['new a@5', 'synced']);
  watch.send('MODIFIED', widget('a', '11')).send('DELETED', widget('a', '12'));
  expect(await heard(2)).toEqual(['5 > a@11', 'remove a@11']);
  expect(late.slice(2)).toEqual(['a@11', 'remove a']);
});

test('row 30: a handler that is removed in the middle of a list hears no more of it, nor what the watch brings', async () => {
  stage = await WireStage.start();
  const { api, informer, heard } = stage;
  const gone: string[] = [];
  const registration = informer.addHandler({
    change: ({ name }) => {
      gone.push(name);
      registration.remove();
    },
    remove: ({ name }) => gone.push(`remove ${name}`),
    synced: () => gone.push('synced'),
    status: ({ phase }) => gone.push(phase),
  });
  informer.start();
  (await api.next('list')).list('10', [widget('a', '5'), widget('b', '6')]);
  const watch = (await api.next('watch 10')).open();
  expect(await heard(3)).toEqual(['new > a@5', 'new > b@6', 'synced']);
  watch.send('MODIFIED', widget('a', '11')).send('DELETED', widget('b', '12'));
  expect(await heard(2)).toEqual(['5 > a@11', 'remove b@6']);
  registration.remove();
  expect(gone).toEqual(['Syncing', 'a']);
});

test('row 31: a handler that throws at all that it is told keeps nothing from the others', async () => {
  stage = await WireStage.start();
  const { informer, watching, heard } = stage;
  let thrown = 0;
  const fail = (): never => {
    thrown += 1;
    throw new Error('a handler failed');
  };
  informer.addHandler({ change: fail, remove: fail, synced: fail, status: fail });
  const late: string[] = [];
  informer.addHandler({ change: ({ name }) => late.push(name), remove: () => {}, synced: () => late.push('synced') });
  const watch = await watching();
  const before = thrown;
  watch.send('ADDED', widget('b', '11')).send('DELETED', widget('b', '12'));
  expect(await heard(2)).toEqual(['new > b@11', 'remove b@11']);
  expect([late, thrown - before]).toEqual([['a', 'synced', 'b'], 2]);
});

test('row 33: once stopped it answers nothing and asks the server for nothing', async () => {
  stage = await WireStage.start();
  const { informer, watching, clock } = stage;
  const watch = await watching();
  await informer.stop();
  await watch.ended;
  const stopped = { name: 'InformerError', code: 'Stopped' };
  expect(() => informer.store).toThrow(expect.objectContaining(stopped));
  await expect(
    informer.look({ namespace: 'default', name: 'a' }, AbortSignal.timeout(PATIENCE_MS)),
  ).rejects.toMatchObject(stopped);
  informer.retry();
  informer.relist();
  await clock.advance(600_000);
});

test('row 35: an index that is added while the watch is open finds what was there, and what comes, changes and goes', async () => {
  stage = await WireStage.start();
  const { informer, watching, heard } = stage;
  const watch = await watching();
  watch.send('ADDED', widget('b', '11', { labels: { team: 'x', tier: 'web' } }));
  await heard(1);
  const index = informer.store.index(({ labels }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`));
  const found = (value: string) => [...index.get(value)].map(({ name }) => name);
  expect([found('team=x'), found('tier=web'), found('team=y')]).toEqual([['b'], ['b'], []]);
  watch
    .send('ADDED', widget('c', '12', { labels: { team: 'x' } }))
    .send('MODIFIED', widget('b', '13', { labels: { team: 'y' } }));
  await heard(2);
  expect([found('team=x'), found('tier=web'), found('team=y')]).toEqual([['c'], [], ['b']]);
  watch.send('DELETED', widget('c', '14'));
  await heard(1);
  expect(found('team=x')).toEqual([]);
});

test('row 36: what comes twice, by the watch or in a list, is told once', async () => {
  stage = await WireStage.start();
  const { api, informer, watching, heard } = stage;
  const watch = await watching();
  watch.send('MODIFIED', widget('a', '5')).send('MODIFIED', widget('a', '11')).send('MODIFIED', widget('a', '11'));
  watch.send('ERROR', statusDocument(410, 'Expired'));
  (await api.next('list')).list('20', [widget('a', '11')]);
  (await api.next('watch 20')).open().send('ADDED', widget('a', '11')).send('ADDED', widget('b', '21'));
  expect(await heard(3)).toEqual(['5 > a@11', 'synced', 'new > b@21']);
  const again: (CachedObject | undefined)[] = [];
  const asks = informer.addHandler({
    change: (_, previous) => again.push(previous),
    remove: () => {},
    synced: () => {},
  });
  again.length = 0;
  asks.resync();
  expect(again.map((object) => object?.resourceVersion)).toEqual(['11', '21']);
});

test('row 37: a handler hears why a watch failed, and may end the informer from there, without a request more', async () => {
  stage = await WireStage.start();
  const { api, informer, watching, clock } = stage;
  const watch = await watching();
  const heard: string[] = [];
  const stopped = Promise.withResolvers<void>();
  informer.addHandler({
    change: () => {},
    remove: () => {},
    synced: () => {},
    status: ({ phase, lastError }) => {
      heard.push(`${phase} ${lastError?.code ?? ''} ${lastError?.status ?? ''}`.trim());
      if (lastError?.code === 'Forbidden') void informer.stop().then(stopped.resolve, stopped.reject);
    },
  });
  await clock.advance(300_000);
  watch.end();
  (await api.next('watch 10')).refuse(403, 'Forbidden');
  await stopped.promise;
  expect(heard.slice(-2)).toEqual(['BackingOff Forbidden 403', 'Stopped Forbidden 403']);
  await clock.advance(600_000);
});

test('rows 51 and 52: the answer to a write counts at once, and no event or list from before it takes it back', async () => {
  stage = await WireStage.start();
  const { api, informer, watching, heard, told } = stage;
  const watch = await watching();
  const stored = informer.store.get('default/a');
  if (stored === undefined) throw new Error('nothing is stored');
  informer.accept({ ...stored, resourceVersion: '15', labels: { team: 'x' } });
  expect([informer.store.get('default/a')?.resourceVersion, await heard(1)]).toEqual(['15', ['5 > a@15']]);
  watch.send('MODIFIED', widget('a', '12')).send('MODIFIED', widget('a', '15', { labels: { team: 'x' } }));
  watch.send('ERROR', statusDocument(410, 'Expired'));
  const list = await api.next('list');
  informer.accept({ ...stored, resourceVersion: '25', labels: { team: 'y' } });
  list.list('24', [widget('a', '20')]);
  (await api.next('watch 24')).open().send('ADDED', widget('b', '30'));
  expect(await heard(3)).toEqual(['15 > a@25', 'synced', 'new > b@30']);
  expect([informer.store.get('default/a')?.labels, told]).toEqual([{ team: 'y' }, []]);
});
