import { describe, expect, test } from 'vitest';
import { answerError } from './answer-error.ts';
import { retryAfterMs } from './retry-after.ts';

const NOW = Date.UTC(2026, 0, 1);
const json = { 'content-type': 'application/json' };
const answer = (status: number, headers: Record<string, string>, body: Buffer | string) =>
  answerError({ status, headers, body: Buffer.from(body) }, 'GET /api/v1/pods', NOW);

describe('the error of an answer', () => {
  test('reads a Status in protobuf', () => {
    // k8s\0, then runtime.Unknown{raw: Status{message: "gone", reason: "Expired", code: 410}}
    const status = Buffer.from([0x1a, 4, ...Buffer.from('gone'), 0x22, 7, ...Buffer.from('Expired'), 0x30, 0x9a, 0x03]);
    const body = Buffer.from([0x6b, 0x38, 0x73, 0, 0x12, status.length, ...status]);
    expect(answer(410, { 'content-type': 'application/vnd.kubernetes.protobuf' }, body)).toMatchObject({
      code: 'Gone',
      status: 410,
      reason: 'Expired',
      message: 'gone',
    });
  });

  test('goes by the HTTP status when a Status says another', () => {
    const body = JSON.stringify({ kind: 'Status', code: 200, message: 'x' });
    expect(answer(404, json, body)).toMatchObject({ code: 'NotFound', status: 404 });
  });

  test('has the wait that the header asks for before the one in the Status', () => {
    const body = JSON.stringify({ kind: 'Status', details: { retryAfterSeconds: 7 } });
    expect(answer(503, { ...json, 'retry-after': '3' }, body).retryAfterMs).toBe(3000);
    expect(answer(503, json, body).retryAfterMs).toBe(7000);
    expect(answer(503, json, '{}').retryAfterMs).toBeUndefined();
    // A timer would fire at once after what it cannot count.
    expect(answer(429, { 'retry-after': '999999999' }, '').retryAfterMs).toBe(3_600_000);
  });

  test.each([
    ['not JSON', 'plain words', ': plain words'],
    ['nothing', '', ''],
    ['JSON that is no Status', '[]', ': []'],
    ['null', 'null', ': null'],
    ['a Status without a message', '{"kind":"Status"}', ': {"kind":"Status"}'],
  ])('says where it comes from when the body is %s', (_what, body, end) => {
    expect(answer(500, json, body).message).toBe(`the API server answered 500 to GET /api/v1/pods${end}`);
  });

  test('survives a Status whose fields are of the wrong kind', () => {
    const body = JSON.stringify({
      kind: 'Status',
      message: 7,
      reason: {},
      details: { causes: [null, 'x', { field: 1 }] },
    });
    expect(answer(422, json, body)).toMatchObject({
      code: 'Invalid',
      reason: '',
      causes: [{ reason: '', field: '' }],
    });
  });

  test('has a message without the values that the server quotes, and keeps its words to itself', () => {
    const message = 'conversion webhook for x/v1, Kind=Y failed: cannot convert token "hunter2-x"';
    const causes = [{ reason: 'FieldValueInvalid', message: 'Invalid value: "hunter2-x"', field: 'spec.token' }];
    const error = answer(500, json, JSON.stringify({ kind: 'Status', message, details: { causes } }));
    expect(error.message).toBe('conversion webhook for x/v1, Kind=Y failed: (not shown)');
    expect(error.rawMessage).toBe(message);
    // As the logger writes an error: its stack, and what can be enumerated.
    expect(JSON.stringify([error, error.stack])).not.toContain('hunter2');
    expect(answer(502, json, 'parsing "hunter2": no').message).toBe(
      'the API server answered 502 to GET /api/v1/pods: parsing (not shown): no',
    );
  });
});

describe('Retry-After', () => {
  test.each([
    ['10', 10_000],
    [' 0 ', 0],
    [new Date(NOW + 5000).toUTCString(), 5000],
    [new Date(NOW - 5000).toUTCString(), 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });
});
