import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { silentLog } from '../../src/base/log.ts';
import { type Credentials, loadCredentials } from '../../src/kube/credentials.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { secureContext } from '../../src/kube/tls-connect.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { mutated, mutatedBytes, nastyText } from './inputs.ts';
import { type FuzzTarget, fileTarget } from './target.ts';

/** In all that is secret, in one form or another. */
const SECRET = 'CANARY7f3a9c';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const SECRETS = [SECRET, base64(SECRET).slice(0, 14), 'Q0FOQVJZN2YzYTlj'];

/** What is secret comes last, so that what is broken off before it does not run into it. */
function kubeconfig(user: object, cluster: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'n' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://192.0.2.1', ...cluster } }],
    users: [{ name: 'u', user }],
  };
}

const PEM = `-----BEGIN PRIVATE KEY-----\n${base64(`${SECRET}${SECRET}`)}\n-----END PRIVATE KEY-----\n`;
const READ = [
  kubeconfig({ token: SECRET }),
  kubeconfig({ username: 'jane', password: SECRET }),
  kubeconfig({ 'client-certificate-data': base64(PEM), 'client-key-data': base64(PEM) }),
  kubeconfig({ 'client-key-data': base64(SECRET), 'client-certificate-data': base64('x') }),
  // Put where a path belongs.
  kubeconfig({ 'client-key': PEM, 'client-certificate': SECRET }),
  kubeconfig({ tokenFile: SECRET }, { 'certificate-authority': PEM, 'insecure-skip-tls-verify': true }),
  kubeconfig({ token: SECRET }, { server: `http://u:${SECRET}@192.0.2.1`, 'tls-server-name': 'x' }),
];
const PLUGIN = kubeconfig({ exec: { command: 'no-such', args: [SECRET], env: [{ name: 'A', value: SECRET }] } });

/** As it is written, and with mistakes of whoever wrote it: in what it says, and in how. */
function texts(documents: readonly object[]): fc.Arbitrary<string> {
  const styles = fc.constantFrom(
    (document: unknown) => JSON.stringify(document),
    (document: unknown) => stringify(document),
    (document: unknown) => stringify(document, { collectionStyle: 'flow' }),
  );
  const text = fc
    .tuple(fc.oneof(fc.constantFrom(...documents), mutated(documents)), styles)
    .map(([document, write]) => write(document));
  return fc.oneof(text, mutatedBytes(text.map((each) => Buffer.from(each))).map(String), nastyText);
}

/** The words of an error and of its causes. Any other error goes on, and so does one that shows what is secret. */
function requirePlain(error: unknown): void {
  if (!(error instanceof ApiError) || error.code !== 'Unauthorized') throw error;
  requireSilent(error);
  if (/\n\s+at /.test(error.message) || /is not a function|Cannot read prop|undefined/.test(error.message))
    throw new Error(`no plain words: ${error.message}`, { cause: error });
}

function requireSilent(error: unknown): void {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { message } = each;
    if (SECRETS.some((secret) => message.includes(secret))) throw new Error(`tells what is secret: ${message}`);
  }
}

async function loaded(text: string, use: (credentials: Credentials) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-kubeconfig-'));
  try {
    const file = join(folder, 'config');
    await writeFile(file, text);
    await use(await loadCredentials({ kubeconfig: file, env: {} }, new ManualClock(), silentLog));
  } catch (error) {
    requirePlain(error);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Whatever stands in a kubeconfig: there are credentials, or plain words that tell nothing of what is in it. */
const kubeconfigs = fileTarget('kubeconfig', texts(READ), async (text) =>
  loaded(text, async (credentials) => {
    await credentials.headers();
    const tls = await credentials.tls();
    try {
      secureContext(tls);
    } catch (error) {
      requireSilent(error);
    }
  }),
);

/** The same of one with a plugin, which is not run. */
const plugins = fileTarget('kubeconfig-plugin', texts([PLUGIN]), async (text) => loaded(text, async () => {}));

export const CREDENTIAL_TARGETS: readonly FuzzTarget[] = [kubeconfigs, plugins];
