import { describe, expect, test } from 'vitest';
import { bytesField, envelope, intField, protobufStatus, stringField } from '../../test/support/kube-encodings.ts';
import { decodeProtobufStatus } from './protobuf-status.ts';

const FULL = Buffer.concat([
  bytesField(1, stringField(2, '')),
  stringField(2, 'Failure'),
  stringField(3, 'no'),
  stringField(4, 'Invalid'),
  bytesField(
    5,
    stringField(1, 'one'),
    stringField(3, 'ConfigMap'),
    bytesField(4, stringField(1, 'FieldValueInvalid'), stringField(2, 'immutable'), stringField(3, 'metadata.uid')),
    bytesField(4, stringField(1, 'FieldValueRequired'), stringField(3, 'spec')),
    intField(5, 3),
  ),
  intField(6, 422),
]);

describe('decodeProtobufStatus', () => {
  test('reads message, reason, code, causes and the time to wait', () => {
    expect(decodeProtobufStatus(FULL)).toEqual({
      message: 'no',
      reason: 'Invalid',
      code: 422,
      causes: [
        { reason: 'FieldValueInvalid', field: 'metadata.uid' },
        { reason: 'FieldValueRequired', field: 'spec' },
      ],
      retryAfterSeconds: 3,
    });
  });

  test('reads the same inside an envelope', () => {
    expect(decodeProtobufStatus(envelope('v1', 'Status', FULL))).toEqual(decodeProtobufStatus(FULL));
  });

  test('what is missing is empty', () => {
    expect(decodeProtobufStatus(protobufStatus({ code: 410, reason: 'Expired', message: 'too old' }))).toEqual({
      message: 'too old',
      reason: 'Expired',
      code: 410,
      causes: [],
      retryAfterSeconds: undefined,
    });
    expect(decodeProtobufStatus(Buffer.concat([bytesField(5, intField(5, 0))])).retryAfterSeconds).toBeUndefined();
  });

  test('bytes that are no Status are malformed', () => {
    expect(() => decodeProtobufStatus(Buffer.from('<html>'))).toThrow('the API server sent');
    expect(() => decodeProtobufStatus(Buffer.from('k8s\0'))).toThrow('an envelope with nothing in it');
  });
});
