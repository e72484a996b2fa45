import type { OnResolveArgs, Plugin } from 'esbuild';

interface LeftOut {
  /** What would need it, for the error's text. */
  readonly use: string;
  /** Its names that somebody in the bundle imports. */
  readonly names: readonly string[];
  /** Only where this package asks for it; default everywhere. */
  readonly importer?: string;
}

const clientNode = '@kubernetes/client-node';
const kubeConfigModule = `${clientNode}/dist/config.js`;

/**
 * What our dependencies bring along and the operator never calls. It would make four fifths of an honest bundle, and
 * what is not there cannot be attacked.
 */
const leftOut: ReadonlyMap<string, LeftOut> = new Map([
  // client-node: we take only its KubeConfig and speak HTTP/2 through node:http2.
  [
    './gen/index.js',
    { importer: clientNode, use: 'a generated API', names: ['ServerConfiguration', 'createConfiguration'] },
  ],
  ['undici', { use: "client-node's own HTTP client", names: ['Agent', 'ProxyAgent'] }],
  ['hpagent', { use: "client-node's own way to proxies", names: ['HttpProxyAgent', 'HttpsProxyAgent'] }],
  ['socks', { use: "client-node's own way to proxies", names: ['SocksClient'] }],
  ['socks-proxy-agent', { use: "client-node's own way to proxies", names: ['SocksProxyAgent'] }],
  // For two auth providers that left kubectl in 1.26; it is an older jsonpath-plus than ours.
  ['jsonpath-plus', { importer: clientNode, use: 'the auth provider azure or gcp', names: ['JSONPath'] }],
  // Paths come from policies; a path that holds code must find nothing to run it on.
  ['node:vm', { importer: 'jsonpath-plus', use: 'code in a JSONPath', names: ['Script'] }],
  // Users' texts are our own and English, which zod brings along by itself.
  ['../locales/index.js', { importer: 'zod', use: 'a language other than English', names: [] }],
  // prom-client: who wants the numbers comes for them, and there is one process.
  ['./lib/pushgateway', { importer: 'prom-client', use: 'pushing metrics', names: [] }],
  ['./lib/cluster', { importer: 'prom-client', use: 'metrics of several processes', names: [] }],
  // pino: the log goes straight to the file descriptor.
  ['thread-stream', { use: 'a log transport in a worker thread', names: [] }],
]);

/** Replaces what the operator never calls by a module that says so as soon as something of it is called or constructed. */
export const leaveOut: Plugin = {
  name: 'leave-out',
  setup(build) {
    for (const [path, { importer }] of leftOut) {
      build.onResolve({ filter: exactly(path) }, (args) =>
        importer === undefined || isFrom(importer, args) ? { path, namespace: 'left-out' } : undefined,
      );
    }
    build.onLoad({ filter: /^/, namespace: 'left-out' }, ({ path }) => {
      const found = leftOut.get(path);
      return found && { contents: refusingModule(path, found), loader: 'js' };
    });
  },
};

/**
 * client-node means KubeConfig here. The package does not say that its modules have no side effects, so through its
 * index a bundle would hold 2,700 generated models; importing another value from it fails the build.
 */
export const clientNodeIsKubeConfig: Plugin = {
  name: 'client-node-is-kubeconfig',
  setup(build) {
    build.onResolve({ filter: exactly(clientNode) }, ({ resolveDir, importer, kind }) =>
      build.resolve(kubeConfigModule, { resolveDir, importer, kind }),
    );
  },
};

function exactly(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.')}$`);
}

function isFrom(packageName: string, { importer }: OnResolveArgs): boolean {
  return importer.includes(`/node_modules/${packageName}/`);
}

/**
 * CommonJS, so that it serves `require`, default and named imports alike: a function that throws when it is called or
 * constructed, carrying itself under each name.
 */
function refusingModule(path: string, { use, names }: LeftOut): string {
  const message = `Watchkeeper does not support ${use} (${path} is left out of it)`;
  return [
    `function refuse() { throw new Error(${JSON.stringify(message)}); }`,
    `module.exports = Object.assign(refuse, { ${names.map((name) => `${name}: refuse`).join(', ')} });`,
  ].join('\n');
}
