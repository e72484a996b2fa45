import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { ModelServer } from '../../test/support/model-server.ts';
import { type CachedObject, objectKey } from '../api/object.ts';
import { type Log, silentLog } from '../base/log.ts';
import { Informer } from './informer.ts';
import { WatchLists } from './watch-lists.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');
const code = fc.constantFrom(
  'Network',
  'ServerError',
  'TooManyRequests',
  'Forbidden',
  'NotFound',
  'Gone',
  'BadResponse',
);

/** What may happen to one informer, one thing after the other. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write'), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('patch'), name }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('work') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time'), ms: fc.integer({ min: 0, max: 90_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bookmark') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failNext'), code }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break'), code, inStream: fc.boolean() }) },
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const sorted = (objects: Iterable<[string, CachedObject]>) => [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** The server, the informer, and what somebody knows who only listens. */
class World {
  readonly clock = new ManualClock();
  readonly server = new ModelServer(2);
  readonly informer: Informer;
  readonly heard = new Map<string, CachedObject>();
  readonly wrong: string[] = [];
  #answers: CachedObject[] = [];

  constructor(watchList: boolean) {
    const { clock } = this;
    const log: Log = { ...silentLog, error: (fields) => this.wrong.push(JSON.stringify(fields)) };
    this.informer = new Informer({
      listWatch: this.server,
      clock,
      random: () => 0.5,
      log,
      name: 'model',
      watchList: watchList ? new WatchLists(clock, log).of('model') : undefined,
    });
    this.informer.addHandler({
      change: (object, previous) => this.#change(object, previous),
      remove: (object) => {
        const key = objectKey(object);
        if (this.heard.get(key) !== object) this.wrong.push(`removed ${key}, which was not told of last`);
        this.heard.delete(key);
      },
      synced: () => this.#compareWithStore(),
    });
  }

  #change(object: CachedObject, previous: CachedObject | undefined): void {
    const key = objectKey(object);
    const last = this.heard.get(key);
    if (last !== previous) this.wrong.push(`${key}: previous is not what was told last`);
    if (last !== undefined) {
      if (last.uid !== object.uid) this.wrong.push(`${key}: another object without a removal`);
      if (Number(object.resourceVersion) < Number(last.resourceVersion)) this.wrong.push(`${key}: back in time`);
    }
    this.heard.set(key, object);
  }

  #compareWithStore(): void {
    if (this.heard.size !== this.informer.store.size) this.wrong.push('synced, but not everything was told');
  }

  async happen(what: Happening): Promise<void> {
    if ('name' in what) {
      if (what.kind === 'write') this.server.write(what.name);
      else if (what.kind === 'remove') this.server.remove(what.name);
      else this.#answers.push(...[this.server.patch(what.name)].filter((answer) => answer !== undefined));
    } else if ('ms' in what) await this.clock.advance(what.ms);
    else if ('inStream' in what) this.server.breakWatches(what.code, what.inStream);
    else if ('code' in what) this.server.failNext(what.code);
    else if (what.kind === 'answer') this.answer();
    else if (what.kind === 'work') this.server.work();
    else if (what.kind === 'bookmark') this.server.bookmark();
    else if (what.kind === 'compact') this.server.compact();
    else this.server.endWatches();
    await this.clock.settle();
  }

  /** The answer that waits longest arrives. */
  answer(): void {
    const answer = this.#answers.shift();
    if (answer !== undefined) this.informer.accept(answer);
  }

  /** Nothing goes wrong any more. */
  async calmDown(): Promise<void> {
    for (let i = 0; i < 30; i += 1) {
      this.answer();
      this.server.work();
      await this.clock.advance(20_000);
    }
  }
}

/** What was seen of a whole life, and what should have been. */
async function lifeOf(world: World, happenings: readonly Happening[]) {
  const { informer, server, clock, wrong } = world;
  informer.start();
  for (const what of happenings) await world.happen(what);
  await world.calmDown();
  const { synced, phase, lastError } = informer.status;
  const stored = sorted([...informer.store.values()].map((object) => [objectKey(object), object]));
  const heard = sorted(world.heard);
  await informer.stop();
  const truth = sorted(server.objects);
  return {
    seen: { wrong, stored, heard, status: [synced, phase, lastError], left: [clock.pending, server.running] },
    expected: { wrong: [], stored: truth, heard: truth, status: [true, 'Watching', undefined], left: [0, 0] },
  };
}

const happenings = fc.array(happening, { maxLength: 60 });

test.each([
  [
    'rows 1, 3, 5 to 9, 11 to 15, 24 to 27 and 52: whatever happens, in the end the store and every listener are as the server, and never went back',
    false,
  ],
  [
    'rows 16 to 21: whatever happens to WatchLists, in the end the store and every listener are as the server, and never went back',
    true,
  ],
])(
  '%s',
  async (_title, watchList) => {
    await fc.assert(
      fc.asyncProperty(happenings, async (all) => {
        const { seen, expected } = await lifeOf(new World(watchList), all);
        expect(seen).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  },
  60_000,
);
