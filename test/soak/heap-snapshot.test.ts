import { Session } from 'node:inspector/promises';
import { expect, test } from 'vitest';
import { countInstances } from './heap-snapshot.ts';

class Kept {
  readonly #self = this;

  get self(): this {
    return this.#self;
  }
}

async function counted(): Promise<ReadonlyMap<string, number>> {
  const chunks: string[] = [];
  const session = new Session();
  session.connect();
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => chunks.push(params.chunk));
  await session.post('HeapProfiler.collectGarbage');
  await session.post('HeapProfiler.takeHeapSnapshot');
  session.disconnect();
  return countInstances(chunks.join(''));
}

test('objects are counted by class, and closures by where their function stands, also those without a name', async () => {
  const before = await counted();
  const kept = Array.from({ length: 40 }, (_, i) => [new Kept(), () => kept[i], () => kept.length]);
  const after = await counted();
  const more = [...after].filter(([what, count]) => count - (before.get(what) ?? 0) >= 40);
  expect(more).toContainEqual(['object Kept', 40]);
  expect(more.filter(([what, count]) => /^closure  at \d+:\d+:\d+$/.test(what) && count === 40)).toHaveLength(2);
});
