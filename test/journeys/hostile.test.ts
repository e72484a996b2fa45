import { expect, test } from 'vitest';
import { POLICIES as HOSTILE } from '../hostile/corpus.ts';
import { longTurnsMs, METERED, meter } from '../support/longest-turn.ts';
import { configMap, is, useStage } from '../support/stage.ts';
import { slowness } from '../support/thread-time.ts';

const stage = useStage();

/** What is wrong with a spec, if a fault can be seen by this process alone. The API server refuses the others itself. */
const CHOSEN = [
  'repeats within repeats',
  'a wide schema',
  'a circle',
  'a remote reference',
  'a script',
  'all letters many times',
  'wildcards in every rule',
  'globs over keys with many stars',
  'the largest schema in every rule',
];

/**
 * What the loop may stand still is half of it; a machine that is busy with other things needs more of a thread's own
 * time for the same.
 */
const LONGEST_MS = 100;
/** And nothing does so for so long, not even once, as when code runs for the first time: ten times what is found. */
const NEVER_MS = 250;
/** Each of them comes so often. What is long because of what it is, is long each time; what a busy machine makes long is so once. */
const ROUNDS = 3;

const isLabelled = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';

test('G9: hostile policies and objects hold up nobody: a healthy policy goes on, and each of them says what is wrong', async () => {
  const { admin } = stage();
  const slowerBefore = slowness();
  const ns = await admin.createNamespace('hostile');
  const operator = await stage().startOperator({ nodeFlags: METERED });
  await meter(operator);
  await stage().applyPolicy('healthy', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
  });
  const chosen = CHOSEN.flatMap((name) => HOSTILE.filter((each) => each.name === name));
  expect(chosen).toHaveLength(CHOSEN.length);
  const at = (name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, 'v']));
  const names = chosen.map((_, i) => `hostile-${i}`);
  const objects = [...chosen.map((_, i) => configMap(ns, `cm-${i}`)), configMap(ns, 'many-labels', many)];
  objects.push(configMap(ns, 'large', {}, { a: 'a'.repeat(1_000_000) }));
  for (const object of objects) await admin.create(object);
  for (let round = 0; round < ROUNDS; round += 1) {
    const namespaces = [ns, `none-${round}`];
    for (const [i, { spec }] of chosen.entries()) {
      const match = { resources: [{ group: '', resource: 'configmaps', version: 'v1' }], namespaces };
      await stage().applyPolicy(names[i] ?? '', { ...spec, match });
      await admin.patch(at(`cm-${i}`), { metadata: { labels: { env: 'none' } } });
    }
    for (const name of ['many-labels', 'large']) await admin.patch(at(name), { metadata: { labels: { env: 'none' } } });
    for (const { metadata } of objects) await stage().labels(at(metadata.name), isLabelled);
  }
  for (const [i, { refused, name }] of chosen.entries()) {
    const accepted = refused === undefined ? 'True' : 'False';
    const view = await stage().policy(names[i] ?? '', (policy) => is(policy, 'Accepted') === accepted);
    const condition = JSON.stringify(view.raw);
    if (!(refused?.test(condition) ?? true)) throw new Error(`${name}: ${condition}`);
  }
  await admin.create(configMap(ns, 'last'));
  await stage().labels(at('last'), isLabelled);
  await stage().policy('healthy', (view) => is(view, 'Ready') === 'True');
  const slower = Math.max(slowerBefore, slowness());
  const turns = longTurnsMs(operator).map((ms) => ms / slower);
  expect(turns.filter((ms) => ms >= LONGEST_MS).length, turns.join(' ')).toBeLessThan(ROUNDS);
  expect(Math.max(0, ...turns), turns.join(' ')).toBeLessThan(NEVER_MS);
});
