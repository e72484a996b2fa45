import { access, constants, readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { codeOf, messageOf } from '../base/errors.ts';
import { isRecord, type JsonRecord, recordOf } from '../base/json-value.ts';
import type { CredentialMaterial, CredentialSource } from './cached-credentials.ts';
import { credentialError } from './credential-error.ts';
import type { TlsMaterial } from './credentials.ts';
import { supplyExecInfo } from './exec-info.ts';
import { parseKubeconfig } from './kubeconfig-document.ts';
import { proxyFor } from './proxy.ts';

/** One kubeconfig, possibly from several files, at one moment. */
interface Loaded {
  readonly config: KubeConfig;
  /** User name to token file: the one field of a kubeconfig that client-node does not know. */
  readonly tokenFiles: ReadonlyMap<string, string>;
  readonly text: string;
  /** What `proxy-url` of the context's cluster says; client-node is not to know of it. */
  readonly proxy: string | undefined;
}

/** Credentials of one context of a kubeconfig. Of several files the first that says something wins, as in kubectl. */
export async function kubeconfigSource(
  files: readonly string[],
  context: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CredentialSource> {
  let loaded = await load(files, context);
  const cluster = loaded.config.getCurrentCluster();
  const name = loaded.config.getCurrentContext();
  const server = serverUrl(cluster?.server ?? '', name);
  // Said at once, and not by each request.
  proxyFor(server, loaded.proxy, env);
  return {
    server,
    namespace: loaded.config.getContextObject(name)?.namespace,
    read: async (forced) => {
      if (forced) {
        const fresh = await load(files, context);
        // A new KubeConfig has forgotten what plugins said. An OpenID provider may have replaced the refresh token since
        // the file was written, so that one is forgotten only for a file that says something new.
        if (fresh.text !== loaded.text || !usesOpenId(loaded.config)) loaded = fresh;
      }
      const { headers, tls } = await material(loaded);
      return { headers, tls: { ...tls, proxy: proxyFor(server, loaded.proxy, env) } };
    },
  };
}

async function load(files: readonly string[], context: string | undefined): Promise<Loaded> {
  // client-node costs a third of a second and tens of megabytes, which a pod never pays.
  const { KubeConfig: Config } = await import('@kubernetes/client-node/dist/config.js');
  const texts: string[] = [];
  const tokenFiles = new Map<string, string>();
  const configs: KubeConfig[] = [];
  for (const file of files) {
    const text = await readKubeconfig(file, files.length > 1);
    if (text === undefined) continue;
    try {
      const document = parseKubeconfig(text);
      const config = new Config();
      config.loadFromString(JSON.stringify(document));
      config.makePathsAbsolute(dirname(resolve(file)));
      configs.push(config);
      for (const [user, path] of readTokenFiles(document, dirname(resolve(file)))) {
        if (!tokenFiles.has(user)) tokenFiles.set(user, path);
      }
    } catch (error) {
      throw credentialError(`the kubeconfig ${file} cannot be used: ${messageOf(error)}`, error);
    }
    texts.push(text);
  }
  const clusters = firstOfEachName(configs.flatMap((config) => config.getClusters()));
  const merged = new Config();
  merged.loadFromOptions({
    clusters: clusters.map((cluster) => ({ ...cluster, proxyUrl: '' })),
    users: firstOfEachName(configs.flatMap((config) => config.getUsers())),
    contexts: firstOfEachName(configs.flatMap((config) => config.getContexts())),
    currentContext: context ?? configs.map((config) => config.getCurrentContext()).find((name) => name),
  });
  requireWhole(merged, files);
  supplyExecInfo(merged);
  const used = merged.getCurrentCluster()?.name;
  const proxy = clusters.find(({ name }) => name === used)?.proxyUrl;
  return { config: merged, tokenFiles, text: texts.join('\n'), proxy };
}

async function readKubeconfig(file: string, mayBeMissing: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (mayBeMissing && codeOf(error) === 'ENOENT') return undefined;
    throw credentialError(`the kubeconfig ${file} cannot be read: ${messageOf(error)}`, error);
  }
}

function firstOfEachName<T extends { readonly name: string }>(all: readonly T[]): T[] {
  return [...new Map(all.toReversed().map((entry) => [entry.name, entry])).values()].toReversed();
}

function requireWhole(config: KubeConfig, files: readonly string[]): void {
  const where = `the kubeconfig ${files.join(', ')}`;
  const name: string | undefined = config.getCurrentContext();
  if (name === undefined) throw credentialError(`${where} has no current context, and none was named`);
  const context = config.getContexts().find((candidate) => candidate.name === name);
  if (context === undefined) throw credentialError(`${where} has no context "${name}"`);
  if (config.getCurrentCluster() === null) {
    throw credentialError(`${where}: the context "${name}" names the cluster "${context.cluster}", which is not there`);
  }
  if (config.getCurrentUser() === null) {
    throw credentialError(`${where}: the context "${name}" names no user that is there`);
  }
}

function serverUrl(server: string, context: string): URL {
  if (!URL.canParse(server))
    throw credentialError(`the context "${context}" has no usable server address: "${withoutUser(server)}"`);
  const url = new URL(server);
  if (url.protocol !== 'https:') {
    throw credentialError(
      `the context "${context}" names the server ${withoutUser(server)}: only https:// is supported, so connect to the API server itself and not through "kubectl proxy"`,
    );
  }
  // They are not what we authenticate with, and nobody is to read them in a log.
  url.username = '';
  url.password = '';
  return url;
}

/** An address may carry a name and a password. */
function withoutUser(server: string): string {
  return server.slice(server.lastIndexOf('@') + 1);
}

async function material({ config, tokenFiles }: Loaded): Promise<CredentialMaterial> {
  const user = config.getCurrentUser();
  const tokenFile = tokenFiles.get(user?.name ?? '');
  await requireReadable('certificate-authority', config.getCurrentCluster()?.caFile);
  await requireReadable('client-certificate', user?.certFile);
  await requireReadable('client-key', user?.keyFile);
  await requireReadable('tokenFile', tokenFile);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (tokenFile !== undefined) headers['authorization'] = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
  if (headers['authorization'] === undefined && typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return { headers, tls: tlsMaterial(options) };
}

/** The path is not told: somebody may have put what belongs into the file there. */
async function requireReadable(field: string, path: string | undefined): Promise<void> {
  if (path === undefined || path === '') return;
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw credentialError(
      `the file that the kubeconfig names as ${field} cannot be read (${codeOf(error) ?? 'unknown'})`,
    );
  }
}

function tlsMaterial(options: RequestOptions): TlsMaterial {
  return {
    ca: pem(options.ca),
    cert: pem(options.cert),
    key: pem(options.key),
    servername: options.servername,
    rejectUnauthorized: options.rejectUnauthorized !== false,
  };
}

function pem(value: unknown): string | Buffer | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
}

function usesOpenId(config: KubeConfig): boolean {
  const provider: unknown = config.getCurrentUser()?.authProvider;
  return recordOf(provider)['name'] === 'oidc';
}

function readTokenFiles(document: JsonRecord, directory: string): [string, string][] {
  const users = Array.isArray(document['users']) ? (document['users'] as readonly unknown[]) : [];
  return users.flatMap((entry): [string, string][] => {
    const { name, user } = recordOf(entry);
    if (!isRecord(user)) return [];
    if (user['as-groups'] !== undefined || user['as-uid'] !== undefined || user['as-user-extra'] !== undefined) {
      throw new Error(`the user "${String(name)}" impersonates more than a user name, which is not supported`);
    }
    const file = user['tokenFile'];
    return typeof file === 'string' ? [[String(name), resolve(directory, file)]] : [];
  });
}
