import { expect, it } from 'vitest';
import { BEGINNING } from '../support/fault-stories.ts';
import type { Fault } from '../support/fault-story.ts';
import {
  type Comparison,
  expectUndisturbed,
  LEDGER_KEY,
  PACE,
  type Telling,
  useTheatre,
} from '../support/undisturbed.ts';
import { type Fate, isWrite, LOSE_ANSWER, PASS, REFUSE_BEFORE } from './proxy.ts';

const theatre = useTheatre();

/** In each step, the first write to each path meets this fate: of each object, the ledger, the status, and Events. */
function firstWrites(fate: Fate) {
  const log = { met: 0 };
  const fault: Fault = async ({ proxy }, change, at) => {
    const met = new Set<string>();
    proxy.use((request) => {
      if (at === 0 || !isWrite(request) || met.has(request.path)) return PASS;
      met.add(request.path);
      log.met += 1;
      return fate;
    });
    await change();
  };
  return { fault, log };
}

/** Statuses that say something else than the one before. When something came to be so does not count. */
function tellings({ log }: Telling): number {
  const said = log
    .filter(({ kind }) => kind === 'status')
    .map(({ body }) => textOf(Reflect.get(Object(body), 'status')));
  expect(said).not.toContain(undefined);
  return said.filter((status, i) => status !== said[i - 1]).length;
}

function textOf(status: unknown): string | undefined {
  return JSON.stringify(status, (key, value: unknown) => (/time$/i.test(key) ? undefined : value));
}

/** How much is told on the way, that the ledger or a kind is in trouble, depends on how long it is: see `expectToldOnce`. */
const AS_TOLD = Number.POSITIVE_INFINITY;

/** Of the policy. */
function otherChanges(telling: Telling): number {
  return (telling.changes[POLICY_KEY] ?? 0) - tellings(telling);
}

/** For each thing that its status tells the policy changes once, besides what its author does. */
function expectToldOnce({ undisturbed, disturbed }: Comparison): void {
  expect(otherChanges(disturbed)).toBe(otherChanges(undisturbed));
}

/** Three objects, ledger, status and Events. */
const LEAST = 6;
const POLICY_KEY = '/registry/watchkeeper.dev/watchpolicies/NS-team';

it('I4: every first write loses its answer: no object, ledger, status or Event changes a second time for it', async () => {
  const { fault, log } = firstWrites(LOSE_ANSWER);
  const comparison = await theatre().compare(BEGINNING, fault);
  expectUndisturbed(comparison, {
    // Where the watch is later than the next try, the same is applied again; that it changes nothing is compared too.
    objects: log.met,
    ledger: log.met,
    status: AS_TOLD,
    events: PACE.events,
    // What was made and is made again is there already.
    refused: log.met,
  });
  const { undisturbed, disturbed } = comparison;
  expect(disturbed.changes[LEDGER_KEY]).toBeLessThanOrEqual(undisturbed.changes[LEDGER_KEY] ?? 0);
  expectToldOnce(comparison);
  expect(disturbed.writes.status).toBeLessThanOrEqual(tellings(disturbed) + log.met);
  expect(log.met).toBeGreaterThanOrEqual(LEAST);
});

it('I4: every first write never arrives: each is made, once', async () => {
  const { fault, log } = firstWrites(REFUSE_BEFORE);
  const comparison = await theatre().compare(BEGINNING, fault);
  expectUndisturbed(comparison, { ...PACE, status: AS_TOLD, ledger: 0 });
  expectToldOnce(comparison);
  expect(comparison.disturbed.writes.status).toBe(tellings(comparison.disturbed));
  expect(log.met).toBeGreaterThanOrEqual(LEAST);
});
