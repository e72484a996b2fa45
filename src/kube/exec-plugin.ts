import { type ExecFileException, execFile } from 'node:child_process';
import { resolve } from 'node:path';
import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import type { Clock } from '../base/clock.ts';
import { codeOf, messageOf } from '../base/errors.ts';
import { isRecord, type JsonRecord, listOf, recordOf, textOf } from '../base/json-value.ts';
import type { Life } from './expiry.ts';

/** A plugin may ask somebody to log in, but is not to stay for ever where nobody does. */
const LIMITS = { timeout: 60_000, killSignal: 'SIGKILL' } as const;
/** Of what a plugin says when it fails, from the end. */
const WORDS = 2_000;

/** What the `exec` of a kubeconfig's user says. */
export interface ExecSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly providesCluster: boolean;
  readonly installHint: string;
}

/** What a plugin gave, one of token and certificate at least. */
export interface PluginCredential {
  readonly token: string | undefined;
  /** PEM. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Undefined where it does not say when it ends. */
  readonly life: Life | undefined;
}

/** Reads a user's `exec`, as `parseKubeconfig` let it through. A command with a slash starts at the folder of the kubeconfig. */
export function execSettings(exec: JsonRecord, folder: string): ExecSettings {
  const command = textOf(exec['command']);
  return {
    command: command.includes('/') ? resolve(folder, command) : command,
    args: listOf(exec['args']).map(textOf),
    env: Object.fromEntries(listOf(exec['env']).map((entry) => variable(recordOf(entry)))),
    apiVersion: textOf(exec['apiVersion']) || 'client.authentication.k8s.io/v1',
    providesCluster: exec['provideClusterInfo'] === true,
    installHint: textOf(exec['installHint']),
  };
}

function variable({ name, value }: JsonRecord): [string, string] {
  return [textOf(name), textOf(value)];
}

/**
 * Runs an exec plugin. In place of client-node's, which does not tell the plugin what kubectl tells it (those made with client-go's
 * own library do not start without), nor anybody when the credentials end.
 */
export class ExecPlugin {
  readonly #settings: ExecSettings;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #clock: Clock;
  #given: Promise<PluginCredential> | undefined;

  constructor(
    settings: ExecSettings,
    cluster: Cluster | null,
    env: Readonly<Record<string, string | undefined>>,
    clock: Clock,
  ) {
    this.#settings = settings;
    this.#env = { ...env, ...settings.env, KUBERNETES_EXEC_INFO: JSON.stringify(execInfo(settings, cluster)) };
    this.#clock = clock;
  }

  /**
   * What it gave when it was first asked: for credentials that end, make another one. Rejects with an Error that has the words
   * of the plugin where it failed, and nothing of what it printed where that cannot be used; then it is run again.
   */
  credential(): Promise<PluginCredential> {
    this.#given ??= this.#run().catch((error: unknown) => {
      this.#given = undefined;
      throw error;
    });
    return this.#given;
  }

  async #run(): Promise<PluginCredential> {
    const answer = await this.#answer();
    try {
      return credentialOf(answer, this.#clock.now());
    } catch (error) {
      throw new Error(`the exec plugin ${this.#settings.command} ${messageOf(error)}`, { cause: error });
    }
  }

  #answer(): Promise<string> {
    const { command, args } = this.#settings;
    return new Promise((resolved, reject) => {
      const child = execFile(command, args, { env: this.#env, ...LIMITS }, (error, stdout, stderr) => {
        if (error === null) resolved(stdout);
        else reject(this.#failure(error, stderr));
      });
      // Nobody is there to answer what it asks.
      child.stdin?.end();
    });
  }

  /** The error that Node made is not kept: it has what was printed. */
  #failure(error: ExecFileException, stderr: string): Error {
    const { command, installHint } = this.#settings;
    const code = codeOf(error);
    const how = error.killed === true && code === undefined ? `took longer than ${LIMITS.timeout / 1_000} s` : 'failed';
    return new Error(
      [
        `the exec plugin ${command} ${how}${code === undefined ? '' : ` (${code})`}`,
        stderr.trim().slice(-WORDS),
        code === 'ENOENT' ? installHint : '',
      ]
        .filter((part) => part !== '')
        .join(': '),
    );
  }
}

function execInfo({ apiVersion, providesCluster }: ExecSettings, cluster: Cluster | null): object {
  const about =
    providesCluster && cluster !== null
      ? {
          cluster: {
            server: cluster.server,
            'certificate-authority-data': cluster.caData,
            'tls-server-name': cluster.tlsServerName,
            'insecure-skip-tls-verify': cluster.skipTLSVerify,
          },
        }
      : {};
  return { kind: 'ExecCredential', apiVersion, spec: { interactive: false, ...about } };
}

function credentialOf(answer: string, now: number): PluginCredential {
  const status = statusOf(answer);
  const text = (field: string): string | undefined => {
    const value = status[field] ?? undefined;
    if (value === undefined || typeof value === 'string') return value === '' ? undefined : value;
    throw new Error(`gave a status.${field} that is no text`);
  };
  const [token, cert, key] = [text('token'), text('clientCertificateData'), text('clientKeyData')];
  if (token === undefined && cert === undefined) throw new Error('gave neither a token nor a certificate');
  if ((cert === undefined) !== (key === undefined)) throw new Error('gave a certificate or a key alone');
  const end = text('expirationTimestamp');
  if (end !== undefined && Number.isNaN(Date.parse(end)))
    throw new Error('gave a status.expirationTimestamp that is no time');
  return { token, cert, key, life: end === undefined ? undefined : [now, Date.parse(end)] };
}

function statusOf(answer: string): JsonRecord {
  let document: unknown;
  try {
    document = JSON.parse(answer);
  } catch {
    throw new Error('printed no JSON');
  }
  const { status } = recordOf(document);
  if (!isRecord(status)) throw new Error('printed no ExecCredential with a status');
  return status;
}
