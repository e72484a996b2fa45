import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readPolicyFiles } from '../src/cli/policy-documents.ts';
import { rightsOf } from '../src/cli/policy-rights.ts';
import { policyRules } from '../src/cli/role-manifests.ts';
import { namespacedTargets, optInTargets } from './opt-in-targets.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** `VERB RESOURCE.GROUP` for each. */
function grants(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}${group === '' ? '' : `.${group}`}`)),
    ),
  );
}

function granted(text: string): string[] {
  return parseAllDocuments(text).flatMap((document) => grants((document.toJS() as { rules?: Rule[] }).rules ?? []));
}

test('the ready policies need nothing that the opt-in file does not grant, once they are enforced', async () => {
  const { policies, problems } = await readPolicyFiles([join(dirname(import.meta.dirname), 'config', 'policies')]);
  expect(problems).toEqual([]);
  const answer = rightsOf({
    policies,
    discovery: undefined,
    namespaces: undefined,
    operatorNamespace: 'watchkeeper',
    enforced: true,
    all: false,
  });
  const needed = answer.ok ? grants(policyRules(answer.rights.rights)) : answer.problems;
  expect(needed.length).toBeGreaterThan(10);
  expect(needed.filter((grant) => !granted(optInTargets()).includes(grant))).toEqual([]);
});

test('both opt-in files grant the same, nothing that gives power over the cluster, and no wildcard', () => {
  expect(granted(namespacedTargets())).toEqual(granted(optInTargets()));
  const powers = /\*|secrets|namespaces|serviceaccounts|nodes|\/|k8s\.io(?<!networking\.k8s\.io)|create|delete|update/;
  expect(granted(optInTargets()).filter((grant) => powers.test(grant))).toEqual([]);
});
