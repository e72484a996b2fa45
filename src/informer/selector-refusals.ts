import { ApiError } from '../kube/errors.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import type { Slice } from './selection.ts';

/** So long after a server refused selectors they are tried again: it may be a newer one. In milliseconds. */
export const SELECTORS_AGAIN_MS = 3_600_000;

/** Tells refusals of a request for its selectors from what else a server calls a bad request. */
export class SelectorRefusals {
  readonly #refusals = new WeakSet<ApiError>();

  has(error: ApiError): boolean {
    return this.#refusals.has(error);
  }

  /** The same list-watch of a slice. A page after the first may be refused for its token, so that says nothing of selectors. */
  noticing(listWatch: ListWatch, { labelSelector, fieldSelector }: Slice): ListWatch {
    if (labelSelector === undefined && fieldSelector === undefined) return listWatch;
    const notice = (thrown: unknown): never => {
      if (thrown instanceof ApiError && thrown.code === 'BadRequest') this.#refusals.add(thrown);
      throw thrown;
    };
    return {
      list: (options) => {
        const page = listWatch.list(options);
        return options.continue === undefined ? page.catch(notice) : page;
      },
      position: (signal) => listWatch.position(signal),
      watch: (options) => listWatch.watch(options).catch(notice),
    };
  }
}
