import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { bookmark, DELAY, ReflectorMachine } from '../../test/support/reflector-machine.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { ApiError, type ApiErrorCode } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';
import { INITIAL_EVENTS_END_WITHIN_MS, INITIAL_EVENTS_WITHIN_MS, MOST_LOSSES } from './gathering-state.ts';
import { OPEN_WITHIN_MS, OVERDUE_MS, PAGE_SIZE } from './transitions.ts';

const PAGED = `List ${PAGE_SIZE}`;
const END = bookmark('150', true);
const object = (type: 'ADDED' | 'MODIFIED' | 'DELETED', name: string): WatchEvent => ({
  type,
  object: cachedObject({ name, resourceVersion: '70' }),
});

/** A WatchList that was asked for. */
function asked(): ReflectorMachine {
  const machine = new ReflectorMachine();
  machine.watchList = true;
  return machine.send({ kind: 'Start' }).send({ kind: 'WatchAsked' });
}

/** A WatchList that the server has answered. */
const opened = () => asked().send({ kind: 'WatchOpened' });

/** The list that is asked for now works. */
const listed = (machine: ReflectorMachine) => machine.send({ kind: 'PageListed', resourceVersion: '99', continue: '' });

describe('a WatchList', () => {
  test('rows 15 and 16: what is there is gathered and handed over as one when the bookmark comes; the stream goes on as the watch', () => {
    const machine = opened();
    machine.now += 1_000;
    expect(machine.event(object('ADDED', 'a')).asked).toEqual(['Gather a']);
    expect(machine.event(object('ADDED', 'b')).asked).toEqual(['Gather b']);
    expect(machine.state).toMatchObject({ kind: 'Gathering' });
    machine.event(END);
    expect(machine.effects).toEqual([
      { kind: 'Replace', resourceVersion: '150' },
      { kind: 'SetTimer', ms: 299_000 + OVERDUE_MS },
    ]);
    expect(machine.event(object('MODIFIED', 'a')).asked).toEqual(['Apply']);
    machine.event(bookmark('180'));
    machine.now += 299_000;
    expect(machine.send({ kind: 'WatchEnded' }).asked).toContain('Watch 180');
  });

  test('row 16: one of nothing at all is whole with the bookmark alone', () => {
    expect(opened().event(END).asked[0]).toBe('Replace');
  });

  test('row 16: its stream is resumed at the version of the bookmark when it breaks right after it', () => {
    const machine = opened().event(END);
    machine.now += 1_000;
    expect(machine.fails('Network').asked).toContain('Watch 150');
  });

  test('row 17: a bookmark that does not end the initial events changes nothing', () => {
    const machine = opened().event(object('ADDED', 'a'));
    const { state } = machine;
    expect(machine.event(bookmark('150')).asked).toEqual([]);
    expect(machine.state).toBe(state);
  });

  test('row 18: updates and deletions before the bookmark are gathered too', () => {
    const machine = opened();
    for (const type of ['ADDED', 'MODIFIED', 'DELETED'] as const) {
      const event = object(type, 'a');
      expect(machine.event(event).effects).toEqual([{ kind: 'Gather', event }]);
    }
  });

  test.each<ApiErrorCode>([
    'BadRequest',
    'Invalid',
    'MethodNotAllowed',
    'NotAcceptable',
    'Forbidden',
    'NotFound',
    'ServerError',
    'BadResponse',
    'Other',
  ])('row 19: that is refused with %s leads to a list at once, and a list that works is remembered', (code) => {
    const machine = asked().fails(code);
    expect(machine.asked).toEqual([`CountRestart ${code}`, PAGED]);
    expect(listed(machine).effects[0]).toMatchObject({ kind: 'PreferLists', error: { code } });
    expect(machine.asked.slice(1)).toEqual(['Replace', 'Watch 99']);
  });

  test('row 19: an ERROR event as the first one leads to a list as a refusal does', () => {
    const machine = opened().event({ type: 'ERROR', error: apiError('Invalid') });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart Invalid', PAGED]);
  });

  test('row 19: a list that is refused as well says nothing about WatchLists', () => {
    const machine = asked()
      .fails('NotFound')
      .send({ kind: 'ListFailed', error: apiError('NotFound') });
    expect(machine.asked).toEqual([`SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
    expect(listed(machine).asked[0]).toBe('Replace');
  });

  test('row 19: all pages of the list count', () => {
    const machine = asked().fails('Invalid');
    machine.send({ kind: 'PageListed', resourceVersion: '99', continue: 'more' });
    expect(machine.asked).toEqual([`${PAGED} more`]);
    expect(listed(machine).asked[0]).toBe('PreferLists');
  });

  test.each<[string, (machine: ReflectorMachine) => void, ApiErrorCode | 'EndedEarly']>([
    ['ends', (machine) => void machine.send({ kind: 'WatchEnded' }), 'EndedEarly'],
    ['breaks', (machine) => void machine.fails('Network'), 'Network'],
    ['says that the server failed', (machine) => void machine.fails('ServerError'), 'ServerError'],
  ])('row 20: that %s before the bookmark is tried a few times, then a list', (_what, lose, cause) => {
    const machine = asked();
    for (let loss = 1; loss < MOST_LOSSES; loss += 1) {
      machine.send({ kind: 'WatchOpened' }).event(object('ADDED', 'a'));
      machine.now += 60_000;
      lose(machine);
      expect(machine.asked).toEqual([`CountRestart ${cause}`, `SetTimer ${DELAY}`]);
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['WatchList']);
      machine.send({ kind: 'WatchAsked' });
    }
    machine.send({ kind: 'WatchOpened' }).event(object('ADDED', 'a'));
    lose(machine);
    expect(machine.asked).toEqual([`CountRestart ${cause}`, PAGED]);
    expect(listed(machine).asked[0]).toBe('PreferLists');
  });

  test('row 20: a server that does not answer it is asked for a list after a few times', () => {
    const machine = asked();
    expect(machine.asked).toEqual([`SetTimer ${OPEN_WITHIN_MS}`]);
    for (let loss = 1; loss < MOST_LOSSES; loss += 1) {
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([
        'Cancel',
        'CountRestart Overdue',
        `SetTimer ${DELAY}`,
      ]);
      machine.send({ kind: 'TimerFired' }).send({ kind: 'WatchAsked' });
    }
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['Cancel', 'CountRestart Overdue', PAGED]);
  });

  test('row 20: no time runs while it waits for its turn', () => {
    const machine = new ReflectorMachine();
    machine.watchList = true;
    expect(machine.send({ kind: 'Start' }).asked).toEqual(['WatchList']);
  });

  test('row 21: 429 waits as long as the server asks and tries again, however often', () => {
    const machine = asked();
    for (let i = 0; i < 20; i += 1) {
      expect(machine.fails('TooManyRequests', 5_000).asked).toEqual(['CountRestart TooManyRequests', 'SetTimer 5000']);
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['WatchList']);
    }
  });

  test('row 21: 429 in the stream, after objects came, drops the stream and tries again', () => {
    const machine = opened().event(object('ADDED', 'a'));
    machine.event({ type: 'ERROR', error: apiError('TooManyRequests') });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart TooManyRequests', `SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['WatchList']);
  });

  test.each([
    ['expired', apiError('Gone')],
    [
      'of a version that the server has not come to',
      new ApiError({ code: 'Timeout', status: 504, reason: '', message: 'Too large resource version: 7, current: 3' }),
    ],
  ])('row 21: one that is %s is asked for anew at once, then more rarely, then as a list', (_what, error) => {
    const machine = opened().event(object('ADDED', 'a'));
    const tell = () => machine.send({ kind: 'WatchEvent', event: { type: 'ERROR', error } }).asked.slice(2);
    expect(tell()).toEqual(['WatchList']);
    for (let loss = 1; loss < MOST_LOSSES; loss += 1) {
      expect(tell()).toEqual([`SetTimer ${DELAY}`]);
      machine.send({ kind: 'TimerFired' });
    }
    expect(tell()).toEqual([PAGED]);
  });

  test('row 21: 410 of an open watch leads to a WatchList at once', () => {
    const machine = opened().event(END);
    machine.event({ type: 'ERROR', error: apiError('Gone') });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart Gone', 'WatchList']);
  });

  test('row 22: whose bookmark does not come in time after the last object is left for a list, and that is remembered', () => {
    const machine = opened();
    expect(machine.asked).toEqual([`SetTimer ${INITIAL_EVENTS_END_WITHIN_MS}`]);
    machine.now += 20_000;
    machine.event(object('ADDED', 'a'));
    machine.now += 10_000;
    // Neither changes nor plain bookmarks put the end off.
    machine.event(object('MODIFIED', 'a')).event(bookmark('120'));
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['SetTimer 20000']);
    machine.now += 20_000;
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['Cancel', 'CountRestart NoInitialEventsEnd', PAGED]);
    expect(listed(machine).asked[0]).toBe('PreferLists');
  });

  test('row 22: whose objects never end is left too', () => {
    const machine = opened();
    let left = 0;
    for (; machine.state.kind === 'Gathering' && left < 100; left += 1) {
      machine.event(object('ADDED', `new-${left}`));
      machine.now += 10_000;
      if (left % 3 === 2) machine.send({ kind: 'TimerFired' });
    }
    expect(machine.now).toBe(INITIAL_EVENTS_WITHIN_MS);
    expect(machine.asked).toEqual(['Cancel', 'CountRestart NoInitialEventsEnd', PAGED]);
  });

  test('row 2: ends with everything else', () => {
    expect(opened().send({ kind: 'Stop' })).toMatchObject({ state: { kind: 'Stopped' }, asked: ['Cancel'] });
  });
});
