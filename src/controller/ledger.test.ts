import { describe, expect, test, vi } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import type { Log } from '../base/log.ts';
import { KeyPatterns } from '../policy/key-patterns.ts';
import type { Program } from '../policy/program.ts';
import { Ledger } from './ledger.ts';

const sets = (policy: string, ...keys: readonly string[]): Program =>
  programOf(policy, { rules: [{ name: 'r', set: { labels: keys.map((key) => ({ key, value: 'v' })) } }] });
const judges = (policy: string): Program =>
  programOf(policy, { rules: [{ name: 'r', require: { labels: [{ key: 'team' }] } }] });

const longKeys = (letter: string) => Array.from({ length: 1_600 }, (_, i) => `${letter.repeat(280)}${1_000 + i}`);
/** Two of them do not fit into the ledger. */
const large = (letter: string): Program => ({
  ...sets('p', 'x'),
  writes: new KeyPatterns({ labels: [], annotations: longKeys(letter) }),
});

type Data = Readonly<Record<string, string>>;

/** A ledger whose writes end when the test says so, where `held` is true. */
function setUp(data?: Data) {
  const store = {
    data,
    reads: 0,
    writes: [] as Data[],
    failure: undefined as Error | undefined,
    held: false,
    /** Somebody else has put this there: the next write finds it. */
    changedTo: undefined as Data | undefined,
  };
  const pending: (() => void)[] = [];
  const warned: object[] = [];
  const log: Log = { debug() {}, info() {}, error() {}, warn: (fields) => warned.push(fields) };
  const problems: (string | undefined)[] = [];
  const onMore = vi.fn<() => void>();
  const ledger: Ledger = new Ledger(
    {
      read: async () => {
        store.reads += 1;
        if (store.failure !== undefined) throw store.failure;
        return store.data;
      },
      write: async (next) => {
        store.writes.push(next);
        const { failure } = store;
        if (store.held) await new Promise<void>((resolve) => pending.push(resolve));
        if (failure !== undefined) throw failure;
        const { changedTo } = store;
        store.data = changedTo ?? next;
        store.changedTo = undefined;
        return changedTo;
      },
    },
    log,
    { onProblem: () => problems.push(ledger.problem), onMore },
  );
  const release = (): void => {
    for (const resolve of pending.splice(0)) resolve();
  };
  return { store, ledger, warned, problems, onMore, release };
}

/** What the next process reads. */
async function reloaded(data: Data | undefined): Promise<Ledger> {
  const { ledger } = setUp(data);
  await ledger.load();
  return ledger;
}

describe('load', () => {
  test('of nothing is an empty ledger', async () => {
    const { ledger, store } = setUp();
    await ledger.load();
    expect([[...ledger.kinds], [...ledger.policies.keys()], store.writes]).toEqual([[], [], []]);
  });

  test('brings back the kinds, and each policy with the keys and the reach that it was enforced with', async () => {
    const { ledger, store } = setUp();
    const program = sets('p', 'b', 'a');
    ledger.enforce(program);
    await ledger.ensure('pods');
    await ledger.ensure('deployments.apps');
    const next = await reloaded(store.data);
    expect([...next.kinds].toSorted()).toEqual(['deployments.apps', 'pods']);
    expect(next.recordOf('p', 'uid-p')).toEqual({
      uid: 'uid-p',
      keys: program.writes,
      reach: program.reach,
      removal: 'Remove',
    });
    expect(next.recordOf('p', 'uid-of-another')).toBeUndefined();
    expect(next.recordOf('q', 'uid-p')).toBeUndefined();
  });

  test('brings back whether what was set before a policy said Retain is still to be handed over', async () => {
    const { ledger, store } = setUp();
    const removalOf = async () => (await reloaded(store.data)).recordOf('p', 'uid-p')?.removal;
    ledger.enforce(sets('p', 'a'));
    ledger.enforce({ ...sets('p', 'a'), removal: 'Retain' });
    await ledger.flush();
    expect(await removalOf()).toBe('HandOver');
    ledger.settled('p');
    await ledger.flush();
    expect(await removalOf()).toBe('Retain');
  });

  test('what version 0.1.0 has left out is known without a write, and goes with the next one', async () => {
    const entry = { name: 'p', labels: ['a'], annotations: [], resources: ['pods'] };
    const { ledger, store } = setUp({ kinds: 'pods', 'policy.uid-p': JSON.stringify(entry) });
    await ledger.load();
    const { reach, ...rest } = sets('p', 'a');
    const program = { ...rest, reach: { ...reach, resources: ['pods'] } };
    ledger.enforce(program);
    await ledger.flush();
    expect(store.writes).toEqual([]);
    ledger.enforce({ ...program, removal: 'Retain' });
    await ledger.flush();
    expect((await reloaded(store.data)).recordOf('p', 'uid-p')?.removal).toBe('HandOver');
  });

  test('costs no write where everything that is wanted stands there', async () => {
    const first = setUp();
    first.ledger.enforce(sets('p', 'a'));
    await first.ledger.ensure('pods');
    const { ledger, store } = setUp(first.store.data);
    await ledger.load();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    await ledger.flush();
    expect(store.writes).toEqual([]);
  });

  test.each([
    ['no JSON', 'not json'],
    ['JSON of another form', '{"name":1}'],
    ['null', 'null'],
  ])('leaves out an entry that is %s, says which, and keeps the others', async (_, text) => {
    const first = setUp();
    first.ledger.enforce(sets('p', 'a'));
    await first.ledger.ensure('pods');
    const { ledger, warned } = setUp({ ...first.store.data, 'policy.broken': text, 'unknown-key': 'kept out' });
    await ledger.load();
    expect([...ledger.policies.keys()]).toEqual(['p']);
    expect(warned).toEqual([{ key: 'policy.broken' }]);
  });

  test('that fails can be tried again, and is a problem until then', async () => {
    const { ledger, store, problems } = setUp({ kinds: 'pods' });
    store.failure = new Error('no answer');
    await expect(ledger.load()).rejects.toThrow('no answer');
    expect(ledger.problem).toBe('no answer');
    store.failure = undefined;
    await ledger.load();
    expect([[...ledger.kinds], problems]).toEqual([['pods'], ['no answer', undefined]]);
  });

  test('a policy whose name is as long as a name may be has an entry whose key is short enough for a ConfigMap', async () => {
    const { ledger, store } = setUp();
    const name = 'n'.repeat(253);
    ledger.enforce({ ...sets(name, 'a'), uid: '6f9c2b7e-0000-4000-8000-000000000000' });
    await ledger.ensure('pods');
    for (const key of Object.keys(store.data ?? {})) expect(key).toMatch(/^[-._a-zA-Z0-9]{1,253}$/);
    expect([...(await reloaded(store.data)).policies.keys()]).toEqual([name]);
  });
});

describe('ensure', () => {
  test('writes a kind that is not on record before it resolves, and never twice', async () => {
    const { ledger, store } = setUp();
    expect(ledger.stands('pods')).toBe(false);
    await ledger.ensure('pods');
    expect(ledger.stands('pods')).toBe(true);
    await ledger.ensure('pods');
    expect(store.writes).toEqual([{ kinds: 'pods' }]);
  });

  test('many that ask at once share one write; who comes during it has one more', async () => {
    const { ledger, store, release } = setUp();
    store.held = true;
    const first = [ledger.ensure('pods'), ledger.ensure('pods')];
    expect(store.writes).toHaveLength(1);
    const later = [ledger.ensure('nodes'), ledger.ensure('secrets')];
    expect(store.writes).toHaveLength(1);
    release();
    await Promise.all(first);
    expect([ledger.stands('pods'), ledger.stands('nodes')]).toEqual([true, false]);
    await vi.waitUntil(() => store.writes.length === 2);
    release();
    await Promise.all(later);
    expect(store.writes.map(({ kinds }) => kinds)).toEqual(['pods', 'nodes\npods\nsecrets']);
  });

  test('rejects when the write fails, says why, and writes again when it is asked again', async () => {
    const { ledger, store, problems } = setUp();
    store.failure = new Error('forbidden');
    await expect(ledger.ensure('pods')).rejects.toThrow('forbidden');
    await expect(ledger.ensure('pods')).rejects.toThrow('forbidden');
    expect([ledger.stands('pods'), ledger.problem, store.writes.length]).toEqual([false, 'forbidden', 2]);
    store.failure = undefined;
    await ledger.ensure('pods');
    expect([ledger.stands('pods'), ledger.problem, problems]).toEqual([true, undefined, ['forbidden', undefined]]);
  });

  test('also waits for the keys of every policy that is enforced', async () => {
    const { ledger, store } = setUp();
    await ledger.ensure('pods');
    ledger.enforce(sets('p', 'a'));
    expect(ledger.stands('pods')).toBe(false);
    await ledger.ensure('pods');
    expect(store.writes).toHaveLength(2);
    expect((await reloaded(store.data)).recordOf('p', 'uid-p')?.keys.labels).toEqual(['a']);
  });
});

describe('enforce', () => {
  test('of a policy that comes while a record is being written is not taken to be in it', async () => {
    const { ledger, store, release } = setUp();
    store.held = true;
    const first = ledger.ensure('pods');
    ledger.enforce(sets('p', 'a'));
    release();
    await vi.waitUntil(() => store.writes.length === 2);
    expect(ledger.stands('pods')).toBe(false);
    release();
    await first;
    expect((await reloaded(store.data)).recordOf('p', 'uid-p')?.keys.labels).toEqual(['a']);
  });

  test('the same again is no change', async () => {
    const { ledger, store } = setUp();
    ledger.enforce(sets('p', 'a', 'b'));
    await ledger.ensure('pods');
    ledger.enforce(sets('p', 'a', 'b'));
    await ledger.ensure('pods');
    await ledger.flush();
    expect(store.writes).toHaveLength(1);
  });

  test('a key more must stand on the server before anything is written', async () => {
    const { ledger } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    ledger.enforce(sets('p', 'a', 'b'));
    expect(ledger.stands('pods')).toBe(false);
  });

  test('a key less holds up nothing; it stays on record until it is left nowhere, and is taken off when there is time', async () => {
    const { ledger, store } = setUp();
    ledger.enforce(sets('p', 'a', 'b'));
    await ledger.ensure('pods');
    for (let plans = 0; plans < 2; plans++) ledger.enforce(sets('p', 'a'));
    expect([ledger.stands('pods'), [...ledger.narrowed.keys()]]).toEqual([true, ['p']]);
    await ledger.flush();
    expect(store.writes).toHaveLength(1);
    const next = await reloaded(store.data);
    next.enforce(sets('p', 'a'));
    expect(next.recordOf('p', 'uid-p')?.keys.labels).toEqual(['a', 'b']);
    ledger.settled('p');
    expect([ledger.stands('pods'), [...ledger.narrowed.keys()]]).toEqual([true, []]);
    await ledger.flush();
    expect((await reloaded(store.data)).recordOf('p', 'uid-p')?.keys.labels).toEqual(['a']);
  });

  test('a key that comes back while the record without it is being written must be written again', async () => {
    const { ledger, store, release } = setUp();
    ledger.enforce(sets('p', 'a', 'b'));
    await ledger.ensure('pods');
    store.held = true;
    ledger.enforce(sets('p', 'a'));
    ledger.settled('p');
    const flushed = ledger.flush();
    ledger.enforce(sets('p', 'a', 'b'));
    release();
    store.held = false;
    await flushed;
    await ledger.ensure('pods');
    expect((await reloaded(store.data)).recordOf('p', 'uid-p')?.keys.labels).toEqual(['a', 'b']);
  });

  test('another reach must stand on the server too', async () => {
    const { ledger } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    const program = sets('p', 'a');
    const inNamespaces = (...namespaces: string[]) => ({ ...program, reach: { ...program.reach, namespaces } });
    const reach = () => ledger.recordOf('p', 'uid-p')?.reach.namespaces;
    ledger.enforce(inNamespaces('team-*'));
    expect([reach(), ledger.stands('pods')]).toEqual([undefined, true]);
    ledger.settled('p');
    expect([reach(), ledger.stands('pods')]).toEqual([['team-*'], true]);
    await ledger.flush();
    ledger.enforce(inNamespaces('shop'));
    expect([reach(), ledger.stands('pods')]).toEqual([['shop', 'team-*'], false]);
  });

  test('what a policy was enforced with before takes no room from what others are enforced with now', () => {
    const { ledger } = setUp();
    ledger.enforce(large('a'));
    ledger.enforce(large('b'));
    ledger.fit();
    expect([ledger.recordOf('p', 'uid-p')?.keys.annotations, ledger.narrowed.size]).toEqual([longKeys('b'), 0]);
    ledger.enforce(sets('q', 'a', 'b'));
    ledger.enforce(sets('q', 'a'));
    ledger.fit();
    expect([...ledger.narrowed.keys()]).toEqual(['q']);
  });

  test('a policy of the same name that was made again takes the place of the old one', async () => {
    const { ledger, store } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    ledger.enforce({ ...sets('p', 'b'), uid: 'uid-2' });
    await ledger.ensure('pods');
    const next = await reloaded(store.data);
    expect([next.recordOf('p', 'uid-p'), next.recordOf('p', 'uid-2')?.keys.labels]).toEqual([undefined, ['b']]);
  });

  test('a policy that writes nothing is not recorded, and its old keys only until they are left nowhere', async () => {
    const { ledger, store } = setUp();
    ledger.enforce(judges('judge'));
    await ledger.flush();
    expect(store.writes).toEqual([]);
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    ledger.enforce(judges('p'));
    expect(ledger.recordOf('p', 'uid-p')?.keys.labels).toEqual(['a']);
    ledger.settled('p');
    expect(ledger.recordOf('p', 'uid-p')).toBeUndefined();
    await ledger.flush();
    expect([...(await reloaded(store.data)).policies.keys()]).toEqual([]);
  });
});

describe('what somebody else has put there', () => {
  test('stays on record beside what is known, and is told: objects may carry what we believe to be gone', async () => {
    const { ledger, store, onMore } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    const before = store.data;
    ledger.forgetKind('pods');
    ledger.forgetPolicy('p');
    await ledger.flush();
    store.changedTo = before;
    ledger.enforce(sets('q', 'b'));
    await ledger.ensure('secrets');
    expect(onMore).toHaveBeenCalledOnce();
    expect([[...ledger.kinds].toSorted(), [...ledger.policies.keys()]]).toEqual([
      ['pods', 'secrets'],
      ['q', 'p'],
    ]);
    const next = await reloaded(store.data);
    expect([[...next.kinds].toSorted(), [...next.policies.keys()].toSorted()]).toEqual([
      ['pods', 'secrets'],
      ['p', 'q'],
    ]);
    expect(ledger.stands('secrets')).toBe(true);
  });

  test('is taken for read: what is known here and not there is written again, and nothing else is told', async () => {
    const { ledger, store, onMore } = setUp();
    await ledger.ensure('pods');
    const before = store.data;
    await ledger.ensure('secrets');
    store.changedTo = before;
    await ledger.ensure('services');
    expect(store.data).toEqual({ kinds: 'pods\nsecrets\nservices' });
    expect([store.writes.length, onMore.mock.calls.length]).toEqual([4, 0]);
  });

  test('is read before anything is written, once it may be there', async () => {
    const { ledger, store, onMore } = setUp();
    await ledger.ensure('pods');
    store.data = { kinds: 'secrets' };
    ledger.outdated();
    expect(ledger.stands('pods')).toBe(false);
    store.failure = new Error('away');
    await expect(ledger.flush()).rejects.toThrow('away');
    expect([store.writes.length, ledger.stands('pods')]).toEqual([1, false]);
    store.failure = undefined;
    await ledger.ensure('pods');
    expect([store.data, onMore.mock.calls.length]).toEqual([{ kinds: 'pods\nsecrets' }, 1]);
  });

  test('and is no other than ours costs one read', async () => {
    const { ledger, store, onMore } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    ledger.outdated();
    await ledger.flush();
    expect([store.reads, store.writes.length, onMore.mock.calls.length]).toEqual([1, 1, 0]);
  });

  test('of a policy that was made again since is on record until it is known which of the two there is', async () => {
    for (const isBack of [true, false]) {
      const { ledger, store } = setUp();
      ledger.enforce({ ...sets('p', 'a'), uid: 'before' });
      await ledger.ensure('pods');
      const before = store.data;
      ledger.enforce(sets('p', 'b'));
      await ledger.flush();
      store.data = before;
      ledger.outdated();
      await ledger.flush();
      const [uid, other] = isBack ? ['before', 'uid-p'] : ['uid-p', 'before'];
      expect(ledger.pause('p', uid, 'Remove')?.keys.labels).toEqual([isBack ? 'a' : 'b']);
      for (const [policy, record] of ledger.policies) if (record.uid !== uid) ledger.forgetPolicy(policy);
      await ledger.flush();
      const next = await reloaded(store.data);
      expect([next.recordOf('p', uid)?.uid, next.recordOf('p', other), next.policies.size]).toEqual([
        uid,
        undefined,
        1,
      ]);
    }
  });

  test('of a policy with more keys is on record until nothing is left of it, and of an earlier one of its name never', async () => {
    const { ledger, store, onMore } = setUp();
    ledger.enforce(sets('p', 'a', 'b'));
    ledger.enforce({ ...sets('q', 'a'), uid: 'before' });
    await ledger.flush();
    const before = store.data;
    ledger.enforce(sets('p', 'a'));
    ledger.settled('p');
    ledger.enforce(sets('q', 'c'));
    await ledger.flush();
    store.changedTo = before;
    await ledger.ensure('pods');
    expect(onMore).toHaveBeenCalledOnce();
    const keys = async () => {
      const next = await reloaded(store.data);
      return ['p', 'q'].map((policy) => next.recordOf(policy, `uid-${policy}`)?.keys.labels);
    };
    expect(await keys()).toEqual([['a', 'b'], ['c']]);
    ledger.enforce(sets('p', 'a'));
    ledger.enforce(sets('q', 'c'));
    ledger.settled('p');
    await ledger.flush();
    expect(await keys()).toEqual([['a'], ['c']]);
  });
});

describe('followCrds', () => {
  test('forgets a kind whose CRD is gone, also after a restart, and never one that had none', async () => {
    const { ledger, store } = setUp();
    ledger.followCrds(new Set(['gears.acme.io', 'widgets.acme.io']));
    for (const kind of ['widgets.acme.io', 'gears.acme.io', 'metrics.example.com']) await ledger.ensure(kind);
    const next = setUp(store.data);
    await next.ledger.load();
    expect(next.ledger.followCrds(new Set(['gears.acme.io']))).toBe(true);
    expect([...next.ledger.kinds].toSorted()).toEqual(['gears.acme.io', 'metrics.example.com']);
    await next.ledger.flush();
    expect(next.store.data).toEqual({ kinds: 'gears.acme.io\nmetrics.example.com', customKinds: 'gears.acme.io' });
    expect(next.ledger.followCrds(new Set(['gears.acme.io']))).toBe(false);
  });

  test('learns of the CRD of a kind that is on record already, as an older version has it', async () => {
    const { ledger, store } = setUp({ kinds: 'pods\nwidgets.acme.io' });
    await ledger.load();
    expect(ledger.followCrds(new Set(['widgets.acme.io']))).toBe(false);
    await ledger.flush();
    expect(store.writes).toEqual([]);
    expect(ledger.followCrds(new Set())).toBe(true);
    await ledger.flush();
    expect(store.writes).toEqual([{ kinds: 'pods' }]);
  });

  test('who waits for the record of a kind that goes meanwhile is told so, and the record is left in peace', async () => {
    const { ledger, store, release } = setUp();
    ledger.followCrds(new Set(['widgets.acme.io']));
    store.held = true;
    const ensured = ledger.ensure('widgets.acme.io');
    ledger.enforce(sets('p', 'a'));
    ledger.followCrds(new Set());
    release();
    await expect(ensured).rejects.toThrow('widgets.acme.io was taken off the record');
    expect(store.writes).toHaveLength(1);
  });
});

describe('flush', () => {
  test('takes forgotten kinds and policies off the record, once', async () => {
    const { ledger, store } = setUp();
    ledger.enforce(sets('p', 'a'));
    await ledger.ensure('pods');
    ledger.forgetPolicy('p');
    ledger.forgetKind('pods');
    await ledger.flush();
    await ledger.flush();
    expect(store.writes).toHaveLength(2);
    expect(store.data).toEqual({ kinds: '' });
  });

  test('never runs beside another write, so that the older cannot come last', async () => {
    const { ledger, store, release } = setUp();
    store.held = true;
    const ensured = ledger.ensure('pods');
    ledger.enforce(sets('p', 'a'));
    const flushed = ledger.flush();
    expect(store.writes).toHaveLength(1);
    release();
    await vi.waitUntil(() => store.writes.length === 2);
    release();
    await Promise.all([ensured, flushed]);
    expect(Object.keys(store.data ?? {})).toEqual(['kinds', 'policy.uid-p']);
  });

  test('a kind that is forgotten and written again stands only once it is back on record', async () => {
    const { ledger, store } = setUp();
    await ledger.ensure('pods');
    ledger.forgetKind('pods');
    expect(ledger.stands('pods')).toBe(false);
    await ledger.flush();
    await ledger.ensure('pods');
    expect(store.data).toEqual({ kinds: 'pods' });
  });

  test('rejects when the write fails', async () => {
    const { ledger, store } = setUp();
    await ledger.ensure('pods');
    ledger.forgetKind('pods');
    store.failure = new Error('no answer');
    await expect(ledger.flush()).rejects.toThrow('no answer');
  });
});
