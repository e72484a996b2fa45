import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { bookmark, DELAY, ReflectorMachine } from '../../test/support/reflector-machine.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { ApiError, type ApiErrorCode } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';
import { RESUME_FOR_MS } from './reflector-state.ts';
import type { ReflectorInput } from './reflector-types.ts';
import { OPEN_WITHIN_MS, OVERDUE_MS, PAGE_SIZE, SILENT_MS } from './transitions.ts';

const PAGED = `List ${PAGE_SIZE}`;

const modified = (resourceVersion: string): WatchEvent => ({
  type: 'MODIFIED',
  object: cachedObject({ name: 'a', resourceVersion }),
});

/** Its watch failed, and is open again. */
function openAgain(): ReflectorMachine {
  return new ReflectorMachine()
    .watching()
    .fails('ServerError')
    .send({ kind: 'TimerFired' })
    .send({ kind: 'WatchOpened' });
}

describe('listing', () => {
  test('row 1: a first, consistent list in pages, then a watch from its resourceVersion', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    expect(machine.asked).toEqual([PAGED]);
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: '' });
    expect(machine.asked).toEqual(['Replace', 'Watch 100']);
  });

  test('row 11: the watch begins at the resourceVersion of the first page', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'a' });
    expect(machine.asked).toEqual([`${PAGED} a`]);
    machine.send({ kind: 'PageListed', resourceVersion: '105', continue: '' });
    expect(machine.asked).toContain('Watch 100');
    expect(machine.effects[0]).toEqual({ kind: 'Replace', resourceVersion: '100' });
  });

  test.each([
    [8_192, 2_048],
    [1_000, 5_000],
    [2 ** 20, 16],
    [2 ** 26, 1],
  ])('row 11: after objects of %i bytes, pages of %i', (itemBytes, size) => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'a', itemBytes });
    expect(machine.asked).toEqual([`List ${size} a`]);
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'b' });
    expect(machine.asked).toEqual([`List ${size} b`]);
  });

  test('row 11: a page that expired midway leads at once to one full list without pages', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'a' });
    machine.send({ kind: 'ListFailed', error: apiError('Gone') });
    expect(machine.asked).toEqual(['List all']);
    machine.send({ kind: 'PageListed', resourceVersion: '120', continue: '' });
    expect(machine.asked).toContain('Watch 120');
  });

  test.each<[ApiErrorCode, string]>([
    ['TooManyRequests', `${PAGED} a`],
    ['Network', `${PAGED} a`],
    ['Forbidden', PAGED],
    ['BadResponse', PAGED],
  ])('row 3: after %s on a later page it backs off and asks for %s', (code, next) => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'a' });
    machine.send({ kind: 'ListFailed', error: apiError(code) });
    expect(machine.asked).toEqual([`SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([next]);
  });

  test.each<ApiErrorCode>(['Network', 'Forbidden', 'NotFound', 'ServerError', 'Gone', 'Other'])(
    'rows 3 and 44: a first page that fails with %s is tried again after a back-off, and the error is kept',
    (code) => {
      const machine = new ReflectorMachine()
        .send({ kind: 'Start' })
        .send({ kind: 'ListFailed', error: apiError(code) });
      expect(machine.asked).toEqual([`SetTimer ${DELAY}`]);
      expect(machine.state).toMatchObject({ kind: 'BackingOff', error: { code }, until: DELAY });
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
    },
  );

  test.each([
    ['with its cause', { causes: [{ reason: 'ResourceVersionTooLarge', field: '' }] }],
    ['in the words of old servers', { message: 'Too large resource version: 120, current: 100' }],
  ])(
    'row 10: a version that is too large for the server, said %s, is listed anew at once, and never in a loop',
    (_how, said) => {
      const tooLarge = () =>
        new ApiError({ code: 'Timeout', status: 504, reason: 'Timeout', message: '', retryAfterMs: 1_000, ...said });
      const machine = new ReflectorMachine().send({ kind: 'Start' });
      expect(machine.send({ kind: 'ListFailed', error: tooLarge() }).asked).toEqual([PAGED]);
      for (let i = 0; i < 10; i += 1) {
        expect(machine.send({ kind: 'ListFailed', error: tooLarge() }).asked).toEqual([`SetTimer ${DELAY}`]);
        expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
      }
      machine.send({ kind: 'PageListed', resourceVersion: '130', continue: '' }).send({ kind: 'WatchOpened' });
      machine.event(bookmark('131')).fails('Gone');
      expect(machine.send({ kind: 'ListFailed', error: tooLarge() }).asked).toEqual([PAGED]);
    },
  );

  test('row 10: a later page of a version that is too large begins the list anew', () => {
    const error = new ApiError({
      code: 'Timeout',
      status: 504,
      reason: '',
      message: 'Too large resource version: 7, current: 3',
    });
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'a' });
    expect(machine.send({ kind: 'ListFailed', error }).effects).toEqual([
      { kind: 'List', continue: '', limit: PAGE_SIZE },
    ]);
  });

  test('row 5: a Retry-After longer than the back-off is honoured, a shorter one does not shorten it', () => {
    for (const [retryAfterMs, delay] of [
      [9_000, 9_000],
      [1_000, DELAY],
    ] as const) {
      const error = apiError('TooManyRequests', { retryAfterMs });
      const machine = new ReflectorMachine().send({ kind: 'Start' }).send({ kind: 'ListFailed', error });
      expect(machine.asked).toEqual([`SetTimer ${delay}`]);
    }
  });
});

describe('a watch that ends', () => {
  test('row 12: cleanly after a while: watched on from the last resourceVersion, at once and without a list', () => {
    const machine = new ReflectorMachine().watching();
    machine.event(modified('107'));
    machine.now += 400_000;
    machine.send({ kind: 'WatchEnded' });
    expect(machine.asked).toEqual(['CountRestart Ended', 'Watch 107']);
  });

  test('row 12: watches last 5 to 10 minutes, uniformly', () => {
    const seconds = [0, 0.5, 0.999_999].map((random) => {
      const machine = new ReflectorMachine();
      machine.random = random;
      machine.watching();
      return machine.state.kind === 'Watching' ? machine.state.timeoutSeconds : undefined;
    });
    expect(seconds).toEqual([300, 450, 599]);
  });

  test('row 13: within a second and with nothing new it is a failure that backs off and resumes', () => {
    const machine = new ReflectorMachine().watching();
    machine.event(bookmark('100'));
    machine.now += 999;
    machine.send({ kind: 'WatchEnded' });
    expect(machine.asked).toEqual(['CountRestart EndedEarly', `SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
  });

  test('row 13: within a second but with an event it is resumed at once', () => {
    const machine = new ReflectorMachine().watching().event(bookmark('101')).send({ kind: 'WatchEnded' });
    expect(machine.asked).toContain('Watch 101');
  });

  test('a watch that began nowhere (the list had no resourceVersion) cannot be resumed and leads to a list', () => {
    const machine = new ReflectorMachine().watching('');
    machine.now += 5_000;
    expect(machine.send({ kind: 'WatchEnded' }).asked).toEqual(['CountRestart Ended', PAGED]);
    machine.send({ kind: 'PageListed', resourceVersion: '', continue: '' }).send({ kind: 'WatchOpened' });
    expect(machine.send({ kind: 'WatchEnded' }).asked).toEqual(['CountRestart EndedEarly', `SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
  });

  test('row 23: a watch that goes on past its time is left and resumed', () => {
    const machine = new ReflectorMachine().watching();
    expect(machine.asked).toEqual([`SetTimer ${300_000 + OVERDUE_MS}`]);
    machine.now += 300_000 + OVERDUE_MS;
    machine.send({ kind: 'TimerFired' });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart Overdue', `SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
  });

  test('row 23: a watch that falls silent after its bookmarks is left and resumed, and one without bookmarks is not', () => {
    const machine = new ReflectorMachine().watching().event(modified('101'));
    machine.now += SILENT_MS;
    expect(machine.event(bookmark('101')).asked).toEqual(['Bookmark', `SetTimer ${SILENT_MS}`]);
    machine.now += SILENT_MS - 1_000;
    expect(machine.event(modified('102')).asked).toEqual(['Apply']);
    machine.now += 1_000;
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([`SetTimer ${SILENT_MS - 1_000}`]);
    machine.now += SILENT_MS - 1_000;
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['Cancel', 'CountRestart Silent', `SetTimer ${DELAY}`]);
    expect(machine.state).toMatchObject({ error: { code: 'Timeout' } });
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 102');
  });

  test('rows 14 and 23: each bookmark is a sign of life, also one of the same version', () => {
    const machine = new ReflectorMachine().watching().event(bookmark('101'));
    machine.now += 60_000;
    expect(machine.event(bookmark('101')).asked).toEqual(['Bookmark']);
    machine.now += SILENT_MS - 60_000;
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['SetTimer 60000']);
    machine.now += 60_000;
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('CountRestart Silent');
  });

  test('row 23: a watch that has bookmarks is left in its time all the same where it is not ended', () => {
    const machine = new ReflectorMachine().watching();
    machine.now += 290_000;
    expect(machine.event(bookmark('101')).asked).toEqual(['Bookmark', `SetTimer ${10_000 + OVERDUE_MS}`]);
    machine.now += 10_000 + OVERDUE_MS;
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('CountRestart Overdue');
  });

  test('row 23: a watch that nobody answers is left', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: '' });
    machine.now += OPEN_WITHIN_MS;
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual(['Cancel', 'CountRestart Overdue', `SetTimer ${DELAY}`]);
    expect(machine.state).toMatchObject({ error: { code: 'Timeout' } });
  });
});

describe('a watch that fails', () => {
  test.each<ApiErrorCode>(['TooManyRequests', 'Network'])(
    'rows 5 and 6: %s when it is asked for backs off and resumes, however often, and never lists',
    (code) => {
      const machine = new ReflectorMachine().watching();
      for (let i = 0; i < 20; i += 1) {
        machine.now += RESUME_FOR_MS;
        if (machine.state.kind === 'Watching') machine.state = { ...machine.state, openedAt: undefined };
        machine.fails(code, 5_000);
        expect(machine.asked).toEqual([`CountRestart ${code}`, 'SetTimer 5000']);
        expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
      }
    },
  );

  test('row 5: the server has its time to answer from when it was asked: a watch that waits for its turn waits for good', () => {
    const machine = new ReflectorMachine().watching();
    machine.now += 1_000;
    expect(machine.fails('Network').asked).toEqual(['CountRestart Network', 'Watch 100']);
    expect(machine.send({ kind: 'WatchAsked' }).asked).toEqual([`SetTimer ${OPEN_WITHIN_MS}`]);
  });

  test('row 5: 429 in the stream backs off and resumes', () => {
    const machine = new ReflectorMachine().watching();
    machine.event({ type: 'ERROR', error: apiError('TooManyRequests', { retryAfterMs: 3_000 }) });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart TooManyRequests', 'SetTimer 3000']);
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
  });

  test('a connection that worked and broke is resumed at once', () => {
    const machine = new ReflectorMachine().watching();
    machine.now += 1_000;
    expect(machine.fails('Network').asked).toContain('Watch 100');
  });

  test.each<ApiErrorCode>(['ServerError', 'Unavailable', 'Timeout', 'BadResponse'])(
    'row 7: %s again and again resumes for a minute, then lists',
    (code) => {
      const machine = new ReflectorMachine().watching();
      const error = apiError(code);
      for (machine.now = 0; machine.now < RESUME_FOR_MS; machine.now += 20_000) {
        machine.event({ type: 'ERROR', error });
        expect(machine.asked).toEqual(['Cancel', `CountRestart ${code}`, `SetTimer ${DELAY}`]);
        expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
        machine.send({ kind: 'WatchOpened' });
      }
      machine.event({ type: 'ERROR', error });
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
    },
  );

  test('row 7: an event in between ends the series', () => {
    const machine = openAgain();
    machine.event(bookmark('101'));
    machine.now += RESUME_FOR_MS;
    machine.fails('ServerError');
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 101');
  });

  test('row 7: a watch that stayed open for a minute ends the series, also where nothing came in it', () => {
    const machine = openAgain();
    machine.now += RESUME_FOR_MS;
    machine.fails('ServerError');
    expect(machine.send({ kind: 'TimerFired' }).asked).toContain('Watch 100');
  });

  test('row 8: 410 in the stream lists anew at once', () => {
    const machine = new ReflectorMachine().watching();
    machine.event({ type: 'ERROR', error: apiError('Gone') });
    expect(machine.asked).toEqual(['Cancel', 'CountRestart Gone', PAGED]);
  });

  test('row 9: 410 as the HTTP status of the watch lists anew at once', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: '' });
    expect(machine.fails('Gone').asked).toEqual(['CountRestart Gone', PAGED]);
  });

  test('rows 8 and 9: 410 right after the list that 410 led to backs off; after a good watch it is news again', () => {
    const machine = new ReflectorMachine().watching().fails('Gone');
    machine.send({ kind: 'PageListed', resourceVersion: '200', continue: '' });
    expect(machine.fails('Gone').asked).toEqual(['CountRestart Gone', `SetTimer ${DELAY}`]);
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
    machine.send({ kind: 'PageListed', resourceVersion: '200', continue: '' });
    machine.send({ kind: 'WatchOpened' }).event(bookmark('201'));
    expect(machine.fails('Gone').asked).toEqual(['CountRestart Gone', PAGED]);
  });

  test.each<ApiErrorCode>(['NotFound', 'Forbidden', 'Unauthorized', 'MethodNotAllowed', 'Other'])(
    'row 44: %s backs off, lists anew and shows the error',
    (code) => {
      const machine = new ReflectorMachine().watching().fails(code);
      expect(machine.asked).toEqual([`CountRestart ${code}`, `SetTimer ${DELAY}`]);
      expect(machine.state).toMatchObject({ kind: 'BackingOff', error: { code } });
      expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
    },
  );
});

describe('a retry', () => {
  test('ends the back-off at once, and the next one is as long as it would have been', () => {
    const machine = new ReflectorMachine().watching().fails('NotFound');
    expect(machine.send({ kind: 'Retry' }).asked).toEqual([PAGED]);
    expect(machine.send({ kind: 'ListFailed', error: apiError('NotFound') }).asked).toEqual([`SetTimer ${DELAY}`]);
  });

  test('does not cut short a wait that the server asked for', () => {
    const machine = new ReflectorMachine().watching();
    machine.send({ kind: 'WatchFailed', error: apiError('TooManyRequests', { retryAfterMs: 5_000 }) });
    expect(machine.send({ kind: 'Retry' })).toMatchObject({ asked: [], state: { kind: 'BackingOff' } });
  });

  test('changes nothing where nothing fails', () => {
    expect(new ReflectorMachine().watching().send({ kind: 'Retry' }).asked).toEqual([]);
  });
});

describe('a relist', () => {
  test('leaves the watch, or the list that is on its way, for a list', () => {
    const machine = new ReflectorMachine().watching();
    for (const effects of [machine.send({ kind: 'Relist' }).effects, machine.send({ kind: 'Relist' }).effects])
      expect(effects.map(({ kind }) => kind)).toEqual(['Cancel', 'List']);
    expect(machine.state).toMatchObject({ kind: 'Listing', cursor: { continue: '' } });
  });

  test('ends a back-off, but no wait that the server asked for: the list comes after that', () => {
    expect(new ReflectorMachine().watching().fails('Network').send({ kind: 'Relist' }).asked).toEqual([
      'Cancel',
      PAGED,
    ]);
    const machine = new ReflectorMachine().watching();
    machine.send({ kind: 'WatchFailed', error: apiError('TooManyRequests', { retryAfterMs: 5_000 }) });
    expect(machine.send({ kind: 'Relist' })).toMatchObject({ asked: [], state: { kind: 'BackingOff' } });
    expect(machine.send({ kind: 'TimerFired' }).asked).toEqual([PAGED]);
  });

  test('is nothing before the start and after the end', () => {
    expect(new ReflectorMachine().send({ kind: 'Relist' })).toMatchObject({ asked: [], state: { kind: 'Idle' } });
    const stopped = new ReflectorMachine().watching().send({ kind: 'Stop' });
    expect(stopped.send({ kind: 'Relist' })).toMatchObject({ asked: [], state: { kind: 'Stopped' } });
  });
});

describe('the resourceVersion', () => {
  test('row 14: a bookmark moves it on and is no object', () => {
    const machine = new ReflectorMachine().watching().event(bookmark('150'));
    expect(machine.effects[0]).toEqual({ kind: 'Bookmark', resourceVersion: '150' });
    expect(machine.asked).not.toContain('Apply');
    expect(machine.fails('Network').state).toMatchObject({ next: { kind: 'Watch', resourceVersion: '150' } });
  });

  test.each(['', '0'])(
    'row 15: after a start at %j ADDED events do not move it, the first other event does',
    (start) => {
      const machine = new ReflectorMachine().watching(start);
      machine.event({ type: 'ADDED', object: cachedObject({ name: 'a', resourceVersion: '70' }) });
      expect(machine.state).toMatchObject({ resourceVersion: start });
      machine.event(modified('90'));
      expect(machine.state).toMatchObject({ resourceVersion: '90' });
      machine.event({ type: 'ADDED', object: cachedObject({ name: 'b', resourceVersion: '91' }) });
      expect(machine.state).toMatchObject({ resourceVersion: '91' });
    },
  );
});

describe('inputs that come too late', () => {
  const inputs: readonly ReflectorInput[] = [
    { kind: 'Start' },
    { kind: 'PageListed', resourceVersion: '1', continue: '' },
    { kind: 'ListFailed', error: apiError('Gone') },
    { kind: 'WatchOpened' },
    { kind: 'WatchEvent', event: bookmark('1') },
    { kind: 'WatchEnded' },
    { kind: 'WatchFailed', error: apiError('Gone') },
    { kind: 'TimerFired' },
    { kind: 'Stop' },
  ];

  test.each(inputs)('row 2: once stopped, $kind asks for nothing but an end', (input) => {
    const machine = new ReflectorMachine().watching().send({ kind: 'Stop' });
    expect(machine.asked).toEqual(['Cancel']);
    machine.send(input);
    expect(machine.state).toEqual({ kind: 'Stopped' });
    expect(machine.asked).toEqual(input.kind === 'Stop' ? ['Cancel'] : []);
  });

  test('while it backs off only the timer counts', () => {
    const machine = new ReflectorMachine().watching().fails('NotFound');
    const { state } = machine;
    for (const input of inputs) {
      if (input.kind === 'TimerFired' || input.kind === 'Stop') continue;
      expect(machine.send(input).state).toBe(state);
      expect(machine.effects).toEqual([]);
    }
  });
});

describe('a server that is too slow for a page', () => {
  const late: ReflectorInput = { kind: 'ListFailed', error: apiError('Timeout') };
  const smallest = ['List 125', 'List 31', 'List 7', 'List 1', 'List 1'];

  test('O3: is asked for ever smaller first pages', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    const asked = smallest.map(() => machine.send(late).send({ kind: 'TimerFired' }).asked[0]);
    expect(asked).toEqual(smallest);
  });

  test('O3: is asked for the same page in smaller parts, and for the rest of the list in such pages', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'next' });
    machine.send(late).send({ kind: 'TimerFired' });
    expect(machine.asked).toEqual(['List 125 next']);
    // However small its objects are.
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'more', itemBytes: 1_000 });
    expect(machine.asked).toEqual(['List 125 more']);
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: '' });
    expect(machine.asked).toContain('Watch 100');
    machine.fails('Gone');
    expect(machine.asked).toContain(PAGED);
  });

  test('row 11: a page of more than can be read is asked for in smaller parts', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'next', itemBytes: 1_000 });
    machine.send({ kind: 'ListFailed', error: apiError('TooLarge') }).send({ kind: 'TimerFired' });
    expect(machine.asked).toEqual(['List 1250 next']);
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'more', itemBytes: 1_000 });
    expect(machine.asked).toEqual(['List 1250 more']);
  });

  test('is asked for pages again when it was too slow for the whole list', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'PageListed', resourceVersion: '100', continue: 'next' });
    machine.send({ kind: 'ListFailed', error: apiError('Gone') });
    expect(machine.asked).toEqual(['List all']);
    machine.send(late).send({ kind: 'TimerFired' });
    expect(machine.asked).toEqual(['List 125']);
  });

  test('is not taken for slow when it is away', () => {
    const machine = new ReflectorMachine().send({ kind: 'Start' });
    machine.send({ kind: 'ListFailed', error: apiError('Network') }).send({ kind: 'TimerFired' });
    expect(machine.asked).toEqual([PAGED]);
  });
});
