import { stringify } from 'yaml';
import { watchPolicyCrd } from '../src/api/crd.ts';
import { apiReference } from './api-reference.ts';
import { authorPoliciesYaml } from './author-policies.ts';
import { namespacedTargets, optInTargets } from './opt-in-targets.ts';

export interface GeneratedFile {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
}

const CRD_PATH = 'crds/watchkeeper.dev_watchpolicies.yaml';

/** All files that are made from the code and kept beside it. */
export function generatedFiles(): GeneratedFile[] {
  return [
    { path: CRD_PATH, text: crdYaml() },
    { path: 'docs/api.md', text: apiReference() },
    { path: 'deploy/parts/authors.yaml', text: authorPoliciesYaml() },
    { path: 'deploy/targets.yaml', text: optInTargets() },
    { path: 'deploy/namespaced-targets.yaml', text: namespacedTargets() },
  ];
}

export function crdYaml(): string {
  const header = '# Generated from src/api by `npm run generate`. Do not edit.\n';
  return header + stringify(watchPolicyCrd(), { lineWidth: 120, aliasDuplicateObjects: false });
}
