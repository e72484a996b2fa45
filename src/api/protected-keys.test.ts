import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  NEVER_KEYS,
  neverTarget,
  OWNER_ALLOWS_KEYS,
  type Protection,
  protectionOf,
  skippedByGlobs,
} from './protected-keys.ts';

describe('protection of keys', () => {
  test.each<[string, Protection, Protection]>([
    // key, as a label, as an annotation
    ['kubernetes.io/metadata.name', 'Never', 'Never'],
    ['kubectl.kubernetes.io/last-applied-configuration', 'Never', 'Never'],
    ['applyset.kubernetes.io/part-of', 'Never', 'Never'],
    ['control-plane.alpha.kubernetes.io/leader', 'Never', 'Never'],
    ['deployment.kubernetes.io/revision', 'Never', 'Never'],
    ['meta.helm.sh/release-name', 'Never', 'Never'],
    ['helm.sh/chart', 'Never', 'Never'],
    ['argocd.argoproj.io/tracking-id', 'Never', 'Never'],
    ['kustomize.toolkit.fluxcd.io/name', 'Never', 'Never'],
    ['watchkeeper.dev/anything', 'Never', 'Never'],
    ['pod-template-hash', 'Never', 'Never'],
    ['controller-revision-hash', 'Never', 'Never'],
    ['controller-uid', 'Never', 'Never'],
    ['job-name', 'Never', 'Never'],
    ['statefulset.kubernetes.io/pod-name', 'Never', 'Never'],
    ['batch.kubernetes.io/job-name', 'Never', 'Never'],

    ['pod-security.kubernetes.io/enforce', 'OwnerAllows', 'OwnerAllows'],
    ['rbac.authorization.k8s.io/aggregate-to-admin', 'OwnerAllows', 'OwnerAllows'],
    ['node-restriction.kubernetes.io/a', 'OwnerAllows', 'OwnerAllows'],
    ['node-role.kubernetes.io/control-plane', 'OwnerAllows', 'OwnerAllows'],
    ['node.kubernetes.io/instance-type', 'OwnerAllows', 'OwnerAllows'],
    ['topology.kubernetes.io/zone', 'OwnerAllows', 'OwnerAllows'],
    ['container.apparmor.security.beta.kubernetes.io/app', 'OwnerAllows', 'OwnerAllows'],
    ['istio-injection', 'OwnerAllows', 'OwnerAllows'],
    ['istio.io/rev', 'OwnerAllows', 'OwnerAllows'],
    ['sidecar.istio.io/inject', 'OwnerAllows', 'OwnerAllows'],
    ['linkerd.io/inject', 'OwnerAllows', 'OwnerAllows'],
    ['app.kubernetes.io/instance', 'OwnerAllows', 'OwnerAllows'],
    ['app.kubernetes.io/managed-by', 'OwnerAllows', 'OwnerAllows'],

    ['kubernetes.io/arch', 'OwnerAllows', 'Free'],
    ['k8s.io/anything', 'OwnerAllows', 'Free'],
    ['endpointslice.kubernetes.io/managed-by', 'OwnerAllows', 'Free'],
    ['my.app.kubernetes.io/name', 'OwnerAllows', 'Free'],
    ['gateway.networking.k8s.io/name', 'OwnerAllows', 'Free'],
    ['cluster-autoscaler.kubernetes.io/safe-to-evict', 'OwnerAllows', 'Free'],

    ['app.kubernetes.io/name', 'Free', 'Free'],
    ['app.kubernetes.io/part-of', 'Free', 'Free'],
    ['team', 'Free', 'Free'],
    ['acme.io/team', 'Free', 'Free'],
    ['kubernetes.io.acme.io/team', 'Free', 'Free'],
    ['notkubernetes.io/team', 'Free', 'Free'],
    ['my-pod-template-hash', 'Free', 'Free'],
    ['acme.io/pod-template-hash', 'Free', 'Free'],
    ['x.helm.sh/chart', 'Free', 'Free'],
    ['toolkit.fluxcd.io/name', 'Free', 'Free'],
    ['kubernetes.io', 'Free', 'Free'],
    ['', 'Free', 'Free'],
  ])('%s: label %s, annotation %s', (key, label, annotation) => {
    expect([protectionOf('label', key), protectionOf('annotation', key)]).toEqual([label, annotation]);
  });
});

test.each([
  ['', 'events'],
  ['events.k8s.io', 'events'],
  ['coordination.k8s.io', 'leases'],
  ['', 'endpoints'],
  ['discovery.k8s.io', 'endpointslices'],
  ['watchkeeper.dev', 'watchpolicies'],
  ['wgpolicyk8s.io', 'policyreports'],
  ['openreports.io', 'reports'],
])('no policy is about %s %s', (group, resource) => {
  expect(neverTarget({ group, resource })).toMatch(/\w/);
});

test.each([
  ['', 'secrets'],
  ['rbac.authorization.k8s.io', 'clusterroles'],
  ['admissionregistration.k8s.io', 'validatingadmissionpolicies'],
  ['apiextensions.k8s.io', 'customresourcedefinitions'],
  ['apiregistration.k8s.io', 'apiservices'],
  ['certificates.k8s.io', 'certificatesigningrequests'],
])('a policy may name %s %s, but a glob leaves it out', (group, resource) => {
  expect(neverTarget({ group, resource })).toBeUndefined();
  expect(skippedByGlobs({ group, resource })).toMatch(/\w/);
});

test.each([
  ['', 'configmaps'],
  ['acme.io', 'events'],
  ['acme.io', 'leases'],
  ['acme.io', 'secrets'],
  ['cert-manager.io', 'certificates'],
])('%s %s is like any other', (group, resource) => {
  expect(neverTarget({ group, resource })).toBeUndefined();
  expect(skippedByGlobs({ group, resource })).toBeUndefined();
});

test('the page on security names every protected key, each in its row', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const keysIn = (row: string) => {
    const line = page.split('\n').find((text) => text.startsWith(`| ${row} |`)) ?? '';
    return [...(line.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, key]) => key);
  };
  expect(keysIn('never')).toEqual(NEVER_KEYS);
  expect(keysIn("the owner's").slice(0, OWNER_ALLOWS_KEYS.length)).toEqual(OWNER_ALLOWS_KEYS);
});
