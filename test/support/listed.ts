import type { ListDecoder } from '../../src/kube/list-decoder.ts';

/** What a decoder makes of a list that comes in these pieces. */
export function listed(decoder: ListDecoder, chunks: readonly Buffer[]): ReturnType<ListDecoder['end']> {
  for (const chunk of chunks) decoder.push(chunk);
  return decoder.end();
}
