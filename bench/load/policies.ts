import { compilePolicy } from '../../src/policy/compile.ts';
import { byPrecedence } from '../../src/policy/evaluate.ts';
import type { Program } from '../../src/policy/program.ts';

/** What every third policy tells objects by: CEL where this version compiles it. */
export type ThirdTerm = 'CEL conditions' | 'namespaceSelector, as CEL is not there yet';

export interface ManyPolicies {
  /** In order of precedence. */
  readonly programs: readonly Program[];
  readonly third: ThirdTerm;
}

const RESOURCES = [{ group: '', resource: 'configmaps', version: 'v1' }];

/** So many policies on one kind, of which the first alone matches what the benchmarks make. */
export function manyPolicies(count: number): ManyPolicies {
  const hasCel =
    compiled(1, { conditions: [{ name: 'name', expression: "object.metadata.name == 'x'" }] }) !== undefined;
  const programs = Array.from({ length: count }, (_, i) => {
    const program = i === 0 ? compiled(i, { namespaces: ['bench-*'] }) : compiled(i, termOf(i, hasCel));
    if (program === undefined) throw new Error(`policy ${i} is refused`);
    return program;
  });
  return {
    programs: programs.toSorted(byPrecedence),
    third: hasCel ? 'CEL conditions' : 'namespaceSelector, as CEL is not there yet',
  };
}

function termOf(i: number, hasCel: boolean): object {
  if (i % 3 === 0) return { namespaces: [`team-${i}-*`] };
  if (i % 3 === 1) return { objectSelector: { matchLabels: { app: `app-${i}` } } };
  if (hasCel) return { conditions: [{ name: 'app', expression: `object.metadata.labels['app'] == 'app-${i}'` }] };
  return { namespaceSelector: { matchLabels: { tenant: `tenant-${i}` } } };
}

function compiled(i: number, match: object): Program | undefined {
  const spec = {
    mode: 'Enforce',
    match: { resources: RESOURCES, ...match },
    rules: [{ name: 'team', set: { labels: [{ key: i === 0 ? 'team' : `team-${i}`, value: 'blue' }] } }],
  };
  const result = compilePolicy({ name: `policy-${i}`, uid: `uid-${i}`, generation: 1, spec });
  return result.ok ? result.program : undefined;
}
