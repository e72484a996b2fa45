import { expect, it } from 'vitest';
import { CONFIG_MAPS } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Scene, Step } from '../support/fault-story.ts';
import { POLICIES } from '../support/installation.ts';
import { idle } from '../support/policy-story.ts';
import { is, viewOf } from '../support/policy-view.ts';
import { configMap } from '../support/stage.ts';
import { isEvaluated, type StoryEnd } from '../support/story-end.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { hold } from './event-faults.ts';
import { type Fate, PASS } from './proxy.ts';

const theatre = useTheatre();

const PROD = { namespaceSelector: { matchLabels: { env: 'prod' } } };
const sets = (key: string) => [{ name: key, set: { labels: [{ key, value: 'yes' }] } }];
const object = (scene: Scene) => scene.path('configmaps', 'a');

const toProd: Step = {
  act: (scene) => scene.patch(`/api/v1/namespaces/${scene.ns}`, { labels: { env: 'prod' } }),
};
/** One policy is about the namespace for its labels, and one is not, for the same labels. */
const policies: Step = {
  act: async (scene) => {
    const match = { resources: [CONFIG_MAPS], names: ['a'], namespaces: [scene.ns] };
    await scene.applyPolicy('inside', { mode: 'Enforce', match: { ...match, ...PROD }, rules: sets('inside') });
    await scene.applyPolicy('outside', { mode: 'Enforce', match, exclude: [PROD], rules: sets('outside') });
  },
};
const owned = ({ policies: { inside, outside } }: StoryEnd) =>
  isEvaluated(inside) && isEvaluated(outside) ? [inside.summary['owned'], outside.summary['owned']] : [];

const STORY: FaultStory = {
  objects: (ns) => [configMap(ns, 'a')],
  steps: [toProd, policies],
  settled: (end) => owned(end)[0] === 1,
};
const CHANGE: FaultStory = { ...STORY, steps: [{ ...policies, until: (end) => owned(end)[1] === 1 }, toProd] };

/** Neither policy says anything of objects yet, and nothing was written. */
async function expectNoGuess(scene: Scene): Promise<void> {
  const views = async () =>
    Promise.all(
      ['inside', 'outside'].map(async (name) =>
        viewOf(await scene.stage.admin.get(`${POLICIES}/${scene.policyName(name)}`)),
      ),
    );
  await expect.poll(async () => (await views()).map((view) => is(view, 'Accepted'))).toEqual(['True', 'True']);
  expect((await views()).map((view) => is(view, 'Compliant'))).toEqual(['Unknown', 'Unknown']);
  expect((await scene.stage.admin.get(object(scene))).metadata.labels).toEqual({});
}

const TROUBLES: Readonly<Record<string, (lifted: Promise<Fate>) => Fate | Promise<Fate>>> = {
  'is refused': () => ({ kind: 'Answer', status: 403, body: 'no' }),
  fails: () => ({ kind: 'Answer', status: 500, body: 'broken' }),
  hangs: (lifted) => lifted,
};

it.each(Object.keys(TROUBLES))(
  'S4, G11: the list of namespaces alone %s: no object is taken for one that does not match, and all is right in the end',
  async (trouble) => {
    const lifted = Promise.withResolvers<Fate>();
    const fault: Fault = async (scene, change, at) => {
      if (at === 0)
        scene.proxy.use(({ path }) =>
          path === '/api/v1/namespaces' ? (TROUBLES[trouble]?.(lifted.promise) ?? PASS) : PASS,
        );
      await change();
      if (at !== 2) return;
      await expectNoGuess(scene);
      scene.proxy.clear();
      lifted.resolve(PASS);
    };
    // The first status of each tells of the trouble.
    expectUndisturbed(await theatre().compare(STORY, fault), { ...PACE, status: PACE.status + 2 });
  },
);

/** The watch of namespaces shows nothing until this has seen how the second step came out without it. */
function unseenUntil(seen: (scene: Scene) => Promise<void>): Fault {
  const late = Promise.withResolvers<void>();
  return async (scene, change, at) => {
    if (at === 0) scene.proxy.useEvents(hold((_event, { path }) => path === '/api/v1/namespaces', late.promise));
    await change();
    if (at !== 2) return;
    await seen(scene);
    late.resolve();
  };
}

it('S4: the watch of namespaces alone is late: what was known stays in force until the change is', async () => {
  const fault = unseenUntil(async (scene) => {
    await idle(scene.operator);
    expect((await scene.stage.admin.get(object(scene))).metadata.labels).toEqual({ outside: 'yes' });
  });
  expectUndisturbed(await theatre().compare(CHANGE, fault), PACE);
});

const from = (key: string, namespaceLabel: string, more = {}) => ({ key, valueFrom: { namespaceLabel }, ...more });
/** Everything that is looked up in an object's namespace, for objects of one that comes later. */
const lookups: Step = {
  act: async (scene) => {
    const match = { resources: [CONFIG_MAPS], names: ['a'], namespaces: [later(scene.ns)] };
    const enforce = { mode: 'Enforce' as const, match };
    const values = [from('cost', 'cost', { fallback: 'none' }), from('absent', 'absent')];
    await scene.applyPolicy('inside', { ...enforce, match: { ...match, ...PROD }, rules: sets('inside') });
    await scene.applyPolicy('outside', { ...enforce, exclude: [PROD], rules: sets('outside') });
    await scene.applyPolicy('value', { ...enforce, rules: [{ name: 'value', set: { labels: values } }] });
    await scene.applyPolicy('copied', {
      ...enforce,
      rules: [{ name: 'copied', copy: { from: 'Namespace', labels: ['team'] } }],
    });
    await scene.applyPolicy('judged', {
      mode: 'Audit',
      match: { ...match, ...PROD },
      rules: [{ name: 'judged', require: { labels: [{ key: 'owner' }] } }],
    });
  },
  until: (end) => LOOKUPS.every((name) => isEvaluated(end.policies[name])),
};
const LOOKUPS = ['inside', 'outside', 'value', 'copied', 'judged'];
const later = (ns: string) => `${ns}-later`;
const namespaceAndObject: Step = {
  act: async ({ ns, stage }) => {
    const labels = { env: 'prod', cost: 'c7', team: 'red' };
    await stage.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: later(ns), labels } });
    await stage.admin.create(configMap(later(ns), 'a'));
  },
};
const LATER: FaultStory = {
  objects: (ns) => [configMap(ns, 'other')],
  collections: (ns) => [`/api/v1/namespaces/${later(ns)}/configmaps/a`],
  steps: [lookups, namespaceAndObject],
  settled: ({ policies: { value, judged } }) => value?.summary['owned'] === 1 && judged?.summary['violating'] === 1,
};

it('G11: of an object whose namespace is not known nothing is said and nothing written, by whatever is looked up there', async () => {
  const fault = unseenUntil(async (scene) => {
    const view = async (name: string) => viewOf(await scene.stage.admin.get(`${POLICIES}/${scene.policyName(name)}`));
    for (const name of LOOKUPS) {
      await expect.poll(async () => is(await view(name), 'Compliant')).toBe('Unknown');
      const { conditions, violations } = await view(name);
      expect(conditions['Compliant']).toMatchObject({ reason: 'Evaluating' });
      expect(conditions['Compliant']?.message).toContain('The namespace of 1 object is not known yet');
      expect(violations).toEqual([]);
    }
    const { metadata } = await scene.stage.admin.get(`/api/v1/namespaces/${later(scene.ns)}/configmaps/a`);
    expect(metadata.labels).toEqual({});
  });
  const comparison = await theatre().compare(LATER, fault);
  // Each says that it does not know, and then what it knows.
  const more = { status: PACE.status + 2 * LOOKUPS.length, events: PACE.events };
  expectUndisturbed(comparison, more);
});
