import type { CachedObject } from '../api/object.ts';
import type { KubeClient, KubeResponse } from './client.ts';
import { internerOf } from './interner.ts';
import { decodeJsonObject } from './json-objects.ts';
import { isProtobuf } from './media-types.ts';
import { decodeProtobufObject } from './protobuf-metadata.ts';

/** One object that was asked for as PartialObjectMetadata. Throws ApiError 'BadResponse'. */
export function decodeMetadataAnswer(client: KubeClient, { headers, body }: KubeResponse): CachedObject {
  const interner = internerOf(client);
  return isProtobuf(headers['content-type'])
    ? decodeProtobufObject(body, interner)
    : decodeJsonObject(body, { interner, fields: undefined });
}
