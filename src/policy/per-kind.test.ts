import { expect, test } from 'vitest';
import { CONFIG_MAPS, NODES } from '../../test/support/compiled-policy.ts';
import { perKind } from './per-kind.ts';

test('is computed once for each kind', () => {
  const asked: string[] = [];
  const pluralOf = perKind(({ resource }) => {
    asked.push(resource);
    return resource;
  });
  expect([CONFIG_MAPS, NODES, CONFIG_MAPS, NODES].map(pluralOf)).toEqual([
    'configmaps',
    'nodes',
    'configmaps',
    'nodes',
  ]);
  expect(asked).toEqual(['configmaps', 'nodes']);
});
