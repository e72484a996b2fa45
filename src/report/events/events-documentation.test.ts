import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EVENT_REASONS } from './fact.ts';

test('the documentation has every reason of an Event with its type, and no other', () => {
  const text = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([A-Za-z]+)` \| (\w+) \| .+\. \|$/gm)].map(
    ([, reason, type]) => `${reason} ${type}`,
  );
  const reasons = Object.entries(EVENT_REASONS).map(([reason, { type }]) => `${reason} ${type}`);
  expect(rows.toSorted()).toEqual(reasons.toSorted());
});
