import { expect, test } from 'vitest';
import { ApiError, type ApiErrorFields } from '../kube/errors.ts';
import { type Meaning, meaningOf } from './answers.ts';

const answer = (fields: Partial<ApiErrorFields>) =>
  new ApiError({ code: 'Other', status: 0, reason: '', message: 'x', ...fields });
const refused = (code: Extract<Meaning, { kind: 'Refused' }>['code']): Meaning => ({ kind: 'Refused', code });

// The table of what a real server answers to a write, and what that means. One row each, in the words of kube-apiserver 1.36.
test.each<[string, Partial<ApiErrorFields>, Meaning]>([
  ['404', { code: 'NotFound', status: 404 }, { kind: 'Gone' }],
  [
    '409, nothing of that name',
    {
      code: 'Conflict',
      status: 409,
      message:
        'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid u1, and no existing object was found',
    },
    { kind: 'Gone' },
  ],
  [
    '422, another object of that name, by its cause',
    {
      code: 'Invalid',
      status: 422,
      message: 'ConfigMap "x" is invalid',
      causes: [{ reason: 'FieldValueInvalid', field: 'metadata.uid' }],
    },
    { kind: 'Gone' },
  ],
  [
    '422, another object of that name, by its words',
    {
      code: 'Invalid',
      status: 422,
      message: 'ConfigMap "x" is invalid: metadata.uid: Invalid value: "u1": field is immutable',
    },
    { kind: 'Gone' },
  ],
  [
    '409, our picture was old',
    {
      code: 'Conflict',
      status: 409,
      message:
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again',
    },
    { kind: 'Stale' },
  ],
  ['403', { code: 'Forbidden', status: 403 }, { kind: 'AskForRight' }],
  [
    '422 from validation',
    {
      code: 'Invalid',
      status: 422,
      message: 'ConfigMap "x" is invalid: metadata.labels: Invalid value: "a b"',
      causes: [{ reason: 'FieldValueInvalid', field: 'metadata.labels' }],
    },
    refused('RefusedByServer'),
  ],
  [
    '400 from an admission webhook',
    { code: 'BadRequest', status: 400, message: 'admission webhook "w" denied the request' },
    refused('RefusedByServer'),
  ],
  ['405', { code: 'MethodNotAllowed', status: 405 }, refused('RefusedByServer')],
  ['406', { code: 'NotAcceptable', status: 406 }, refused('RefusedByServer')],
  ['413', { code: 'Other', status: 413 }, refused('RefusedByServer')],
  [
    '500, the stored object does not fit its schema',
    {
      code: 'ServerError',
      status: 500,
      message:
        'failed to create typed live object (default/x; acme.io/v1, Kind=Widget): .spec.size: expected string, got 3',
    },
    refused('SchemaDrift'),
  ],
  [
    '500, the same of one that has no managedFields',
    {
      code: 'ServerError',
      status: 500,
      message:
        'failed to create manager for existing fields: failed to convert new object (default/x; acme.io/v1, Kind=Widget) to smd typed: .spec.size: expected string, got 3',
    },
    refused('SchemaDrift'),
  ],
  [
    '415, a server without server-side apply',
    { code: 'UnsupportedMediaType', status: 415 },
    { kind: 'NoServerSideApply' },
  ],
  ['429', { code: 'TooManyRequests', status: 429, retryAfterMs: 7_000 }, { kind: 'Overloaded', afterMs: 7_000 }],
  ['429 without Retry-After', { code: 'TooManyRequests', status: 429 }, { kind: 'Overloaded', afterMs: 1_000 }],
  [
    '503 with Retry-After',
    { code: 'Unavailable', status: 503, retryAfterMs: 2_000 },
    { kind: 'Overloaded', afterMs: 2_000 },
  ],
  ['503', { code: 'Unavailable', status: 503 }, { kind: 'Unknown' }],
  ['500', { code: 'ServerError', status: 500, message: 'etcdserver: request timed out' }, { kind: 'Unknown' }],
  ['502', { code: 'Unavailable', status: 502 }, { kind: 'Unknown' }],
  ['504', { code: 'Timeout', status: 504 }, { kind: 'Unknown' }],
  ['no answer in time', { code: 'Timeout' }, { kind: 'Unknown' }],
  ['a broken connection', { code: 'Network' }, { kind: 'Unknown' }],
  ['our own signal', { code: 'Aborted' }, { kind: 'Unknown' }],
  ['an answer that cannot be read', { code: 'BadResponse', status: 200 }, { kind: 'Unknown' }],
  ['401, after one refresh of the credentials', { code: 'Unauthorized', status: 401 }, { kind: 'Unknown' }],
  ['something else that is no answer', { code: 'Other' }, { kind: 'Unknown' }],
])('%s', (_, fields, meaning) => {
  expect(meaningOf(answer(fields))).toEqual(meaning);
});
