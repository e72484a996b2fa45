import { expect, test } from 'vitest';
import { eventName, OWN_EVENT_NAME } from './event-name.ts';

test.each([
  ['web', 'web.watchkeeper-ff'],
  ['a.b-c', 'a.b-c.watchkeeper-ff'],
  ['system:node', 'object.watchkeeper-ff'],
  ['x'.repeat(253), 'object.watchkeeper-ff'],
])('an Event about %s has a legal name by which it is known as ours', (regarding, name) => {
  expect(eventName(regarding, 255n)).toBe(name);
  expect(OWN_EVENT_NAME.test(name)).toBe(true);
});
