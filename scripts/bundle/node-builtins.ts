import { builtinModules } from 'node:module';
import type { Metafile, Plugin } from 'esbuild';

const namespace = 'node-builtin';
const prefix = `${namespace}:`;
const builtins = new Set(builtinModules);

/**
 * Has the bundle take Node's own modules by `require` where its sources import them. An import reads every property of
 * the module to make its list of exports (https://github.com/nodejs/node/blob/v24.x/lib/internal/bootstrap/realm.js,
 * `syncExports`), and thereby loads what Node would load at its first use: `node:http` brings undici and the web
 * streams, for a WebSocket that nobody opens: 12 MiB of resident memory in a bare process, 2 MiB beside all else here.
 */
export const nodeBuiltinsByRequire: Plugin = {
  name: 'node-builtins-by-require',
  setup(build) {
    build.onResolve({ filter: /^/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace } : undefined,
    );
    build.onLoad({ filter: /^/, namespace }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};

/** The modules of Node, without `node:`, that an input of the bundle imports or requires. */
export function importedBuiltins({ inputs }: Metafile, input: string): string[] {
  if (input.startsWith(prefix)) return [];
  const paths = (inputs[input]?.imports ?? []).map(({ path }) =>
    path.startsWith(prefix) ? path.slice(prefix.length) : path,
  );
  return paths.filter(isBuiltin).map((path) => path.replace(/^node:/, ''));
}

function isBuiltin(path: string): boolean {
  return path.startsWith('node:') || builtins.has(path);
}
