export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
export const JSON_TEXT = 'application/json';
/** Server-side apply; for what is no YAML in JSON see `jsonAsYaml`. */
export const APPLY_PATCH = 'application/apply-patch+yaml';
export const MERGE_PATCH = 'application/merge-patch+json';

/**
 * Metadata alone, as protobuf; as JSON from a server that has no protobuf; and whole objects as JSON from one that cannot
 * cut them down (of which we then read the metadata alone).
 */
function metadataOnly(kind: string): string {
  const as = `as=${kind};g=meta.k8s.io;v=v1`;
  return `${PROTOBUF};${as},${JSON_TEXT};${as},${JSON_TEXT}`;
}

/** For one object, in an answer or in the events of a watch. */
export const METADATA_OBJECT = metadataOnly('PartialObjectMetadata');
export const METADATA_LIST = metadataOnly('PartialObjectMetadataList');
/** The same without protobuf: with managedFields, which no decoder of ours keeps. */
export const METADATA_LIST_JSON = `${JSON_TEXT};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${JSON_TEXT}`;

/** Whether an answer's content-type header says protobuf; what is neither that nor anything else we know is read as JSON. */
export function isProtobuf(contentType: string | undefined): boolean {
  return contentType?.startsWith(PROTOBUF) === true;
}
