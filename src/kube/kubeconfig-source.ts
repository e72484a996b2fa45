import { access, constants, readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import type { Clock } from '../base/clock.ts';
import { codeOf, messageOf } from '../base/errors.ts';
import { isRecord, type JsonRecord, listOf, recordOf } from '../base/json-value.ts';
import type { CredentialMaterial, CredentialSource } from './cached-credentials.ts';
import { credentialError } from './credential-error.ts';
import type { TlsMaterial } from './credentials.ts';
import type { ExecPlugin } from './exec-plugin.ts';
import { parseKubeconfig } from './kubeconfig-document.ts';
import { proxyFor } from './proxy.ts';

/** One kubeconfig, possibly from several files, at one moment. */
interface Loaded {
  readonly config: KubeConfig;
  /** What the current user says that client-node is not to know of. */
  readonly tokenFile: string | undefined;
  readonly plugin: ExecPlugin | undefined;
  readonly text: string;
  /** What `proxy-url` of the context's cluster says; client-node is not to know of it. */
  readonly proxy: string | undefined;
}

/** Credentials of one context of a kubeconfig. Of several files the first that says something wins, as in kubectl. */
export async function kubeconfigSource(
  files: readonly string[],
  context: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<CredentialSource> {
  const read = () => load(files, context, env, clock);
  let loaded = await read();
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
        const fresh = await read();
        // What is new has forgotten what plugins said. An OpenID provider may have replaced the refresh token since
        // the file was written, so that one is forgotten only for a file that says something new.
        if (fresh.text !== loaded.text || !usesOpenId(loaded.config)) loaded = fresh;
      }
      const { headers, tls, life } = await material(loaded);
      return { headers, tls: { ...tls, proxy: proxyFor(server, loaded.proxy, env) }, life };
    },
  };
}

async function load(
  files: readonly string[],
  context: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<Loaded> {
  // client-node costs a third of a second and tens of megabytes, which a pod never pays.
  const { KubeConfig: Config } = await import('@kubernetes/client-node/dist/config.js');
  const texts: string[] = [];
  const users = new Map<string, UserFields>();
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
      for (const [name, fields] of readUsers(document, dirname(resolve(file)))) {
        if (!users.has(name)) users.set(name, fields);
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
    users: firstOfEachName(configs.flatMap((config) => config.getUsers())).map((user) => ({
      ...user,
      exec: undefined,
    })),
    contexts: firstOfEachName(configs.flatMap((config) => config.getContexts())),
    currentContext: context ?? configs.map((config) => config.getCurrentContext()).find((name) => name),
  });
  requireWhole(merged, files);
  const cluster = merged.getCurrentCluster();
  const proxy = clusters.find(({ name }) => name === cluster?.name)?.proxyUrl;
  const { tokenFile, exec } = users.get(merged.getCurrentUser()?.name ?? '') ?? {};
  const plugin = exec === undefined ? undefined : await pluginOf(exec, cluster, env, clock);
  return { config: merged, tokenFile, plugin, text: texts.join('\n'), proxy };
}

/** What runs other programs is loaded where a kubeconfig names one, and nowhere else. */
async function pluginOf(
  { settings, folder }: ExecFields,
  cluster: Cluster | null,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<ExecPlugin> {
  const plugins = await import('./exec-plugin.ts');
  return new plugins.ExecPlugin(plugins.execSettings(settings, folder), cluster, env, clock);
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

async function material({ config, tokenFile, plugin }: Loaded): Promise<CredentialMaterial> {
  const user = config.getCurrentUser();
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
  const given = await plugin?.credential();
  if (given?.token !== undefined) headers['authorization'] ??= `Bearer ${given.token}`;
  if (given?.cert !== undefined) Object.assign(options, { cert: given.cert, key: given.key });
  return { headers, tls: tlsMaterial(options), life: given?.life };
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

/** Of one user, what client-node does not know, or not well enough. */
interface UserFields {
  readonly tokenFile?: string;
  readonly exec?: ExecFields;
}

/** The folder is that of the kubeconfig. */
interface ExecFields {
  readonly settings: JsonRecord;
  readonly folder: string;
}

function readUsers(document: JsonRecord, folder: string): [string, UserFields][] {
  return listOf(document['users']).map((entry) => {
    const { name, user } = recordOf(entry);
    const fields = recordOf(user);
    if (fields['as-groups'] !== undefined || fields['as-uid'] !== undefined || fields['as-user-extra'] !== undefined) {
      throw new Error(`the user "${String(name)}" impersonates more than a user name, which is not supported`);
    }
    const { tokenFile, exec } = fields;
    return [
      String(name),
      {
        ...(typeof tokenFile === 'string' ? { tokenFile: resolve(folder, tokenFile) } : {}),
        ...(isRecord(exec) ? { exec: { settings: exec, folder } } : {}),
      },
    ];
  });
}
