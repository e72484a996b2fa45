import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { PASS, type ProxiedRequest, REFUSE_BEFORE } from '../faults/proxy.ts';
import { CHAPTERS, OBJECTS, storyObjects, type Trace, traceOf } from '../support/enforcement-story.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { idle } from '../support/policy-story.ts';
import { useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);

type WriteKind = 'ledger' | 'object' | 'status';

/** A write of the operator, counted by its kind in each chapter, and whether it still reaches the API server. */
interface Point {
  readonly kind: WriteKind;
  readonly n: number;
  readonly when: 'before' | 'after';
}

function kindOf({ path }: ProxiedRequest): WriteKind {
  if (path.endsWith('/watchkeeper-ledger')) return 'ledger';
  return path.endsWith('/status') ? 'status' : 'object';
}

/** Counts the operator's writes, and kills it at one of them. */
class Executioner {
  /** Writes that were under way at the kill or came until the operator was dead, which is when this is set. */
  underWay: number | undefined;
  #came = 0;
  #cameOfKind = 0;

  constructor(operator: OperatorProcess, point: Point | undefined) {
    const kill = async (underWay: number, came: number) => {
      await operator.kill();
      proxied().proxy.disconnect();
      proxied().proxy.clear();
      this.underWay = underWay + this.#came - came;
    };
    proxied().proxy.use(async (request) => {
      if (request.write === undefined) return PASS;
      this.#came += 1;
      if (kindOf(request) !== point?.kind) return PASS;
      this.#cameOfKind += 1;
      if (this.#cameOfKind !== point.n) return PASS;
      const { writesUnderWay } = proxied().proxy;
      const came = this.#came;
      if (point.when === 'after') return { kind: 'LoseAnswer', answered: async () => kill(writesUnderWay, came) };
      await kill(writesUnderWay, came);
      return REFUSE_BEFORE;
    });
  }
}

interface Outcome {
  readonly trace: Trace;
  /** Writes of objects that the API server carried out. */
  readonly writes: number;
  /** Undefined when the operator was not killed. */
  readonly underWay: number | undefined;
}

/** Tells the story once, and in each chapter kills the operator at the point and starts it again. */
async function tell(point?: Point): Promise<readonly Outcome[]> {
  const ns = await stage().admin.createNamespace('crash');
  for (const manifest of storyObjects(ns)) await stage().admin.create(manifest);
  let operator = await OperatorProcess.start({ kubeconfig: proxied().kubeconfig });
  const outcomes: Outcome[] = [];
  for (const { act, leaves } of CHAPTERS) {
    const mark = await stage().cluster.auditMark();
    const executioner = new Executioner(operator, point);
    await act(stage(), ns);
    const isOver = async () =>
      isDeepStrictEqual(await traceOf(stage(), ns), leaves) && proxied().proxy.writesUnderWay === 0;
    const isKilledOrOver = async () => executioner.underWay !== undefined || (await isOver());
    // What is missing in the end, the test shows.
    await eventually('the kill', isKilledOrOver, Boolean).catch(() => {});
    const { underWay } = executioner;
    if (underWay !== undefined) operator = await OperatorProcess.start({ kubeconfig: proxied().kubeconfig });
    await eventually('the end of a chapter', isOver, Boolean).catch(() => {});
    await idle(operator);
    // What the killed operator had under way, the proxy cancels: such a write ends with 504 and changes nothing.
    const writes = (await stage().writesSince(mark)).filter(({ code, namespace }) => code === 200 && namespace === ns);
    outcomes.push({ trace: await traceOf(stage(), ns), writes: writes.length, underWay });
  }
  return outcomes;
}

/** In how many chapters there surely is such a write; what is due for the ledger at the same time goes in one. */
const WRITES: readonly (Omit<Point, 'when'> & { readonly chapters: number })[] = [
  ...Array.from({ length: OBJECTS }, (_, i) => ({ kind: 'object' as const, n: i + 1, chapters: 3 })),
  { kind: 'ledger', n: 1, chapters: 3 },
  { kind: 'ledger', n: 2, chapters: 1 },
  { kind: 'ledger', n: 3, chapters: 0 },
  { kind: 'status', n: 1, chapters: 2 },
];
const POINTS = WRITES.flatMap((write) => [
  { ...write, when: 'before' as const },
  { ...write, when: 'after' as const },
]);

describe('a policy comes, is edited and goes', () => {
  const leaves = CHAPTERS.map((chapter) => chapter.leaves);

  test('each time the operator writes each object once', async () => {
    const outcomes = await tell();
    expect(outcomes.map(({ trace }) => trace)).toEqual(leaves);
    expect(outcomes.map(({ writes }) => writes)).toEqual([OBJECTS, OBJECTS, OBJECTS]);
  });

  test.each(POINTS)(
    'I1, I2, I3: and each time it is killed $when its $kind write no. $n: the same comes of it',
    async (point) => {
      const outcomes = await tell(point);
      expect(outcomes.map(({ trace }) => trace)).toEqual(leaves);
      for (const { writes, underWay = 0 } of outcomes) expect(writes).toBeLessThanOrEqual(OBJECTS + underWay);
      const kills = outcomes.filter(({ underWay }) => underWay !== undefined);
      expect(kills.length).toBeGreaterThanOrEqual(point.chapters);
    },
  );
});
