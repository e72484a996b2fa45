import { Command } from 'commander';
import { pino } from 'pino';
import { systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import { loadCredentials } from '../kube/credentials.ts';
import { Operator } from '../operator.ts';
import { AuditLog, type AuditSink, streamAudit } from '../ops/audit-log.ts';
import { type Listen, listenText, parseListen } from '../ops/listen.ts';
import { type ElectionFlags, electionOf, electionOptions, identityOf } from './election-options.ts';
import {
  argument,
  contextOption,
  integer,
  keyGlobs,
  kubeconfigOption,
  option,
  parseBoolean,
  parseNamespace,
  parseNamespaces,
} from './options.ts';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const DEFAULT_NAMESPACE = 'watchkeeper';
/** After a signal everything must have ended within this time, in milliseconds. */
const STOP_WITHIN_MS = 9_000;

export interface RunOptions extends ElectionFlags {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly listen: Listen;
  readonly namespace: string | undefined;
  readonly namespaces: readonly string[] | undefined;
  readonly writeConcurrency: number | undefined;
  readonly watchList: boolean;
  readonly statusViolations: number;
  readonly allowKeys: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** A file, or '-' for standard output. */
  readonly auditLog: string | undefined;
}

/** `watchkeeper run`: the operator. `action` resolves to the exit code. */
export function runCommand(action: (options: RunOptions) => Promise<number> = run): Command {
  const command = new Command('run')
    .description('Run the operator until SIGTERM or SIGINT.')
    .addOption(kubeconfigOption())
    .addOption(contextOption())
    .addOption(
      option('--listen <host:port>', 'Address of /healthz, /readyz and /metrics')
        .default(parseListen('127.0.0.1:8080'), '127.0.0.1:8080')
        .argParser(argument(parseListen)),
    )
    .addOption(
      option(
        '--namespace <name>',
        "The operator's own namespace, where its ledger is kept. Default: the pod's, else watchkeeper",
      ).argParser(argument(parseNamespace)),
    )
    .addOption(
      option(
        '--namespaces <names>',
        'The only namespaces in which objects are watched and written, split by commas. Default: all',
      ).argParser(argument(parseNamespaces)),
    )
    .addOption(
      option(
        '--write-concurrency <n>',
        'Writes of objects in flight at once. Default: as many as make it quicker, up to 16',
      ).argParser(integer(1, 256)),
    )
    .addOption(
      option('--watch-list <bool>', 'Read kinds by WatchLists where the server can, else by lists')
        .default(false)
        .argParser(argument(parseBoolean)),
    )
    .addOption(
      option('--status-violations <n>', "Results listed in a policy's status").default(20).argParser(integer(0, 500)),
    )
    .addOption(
      option(
        '--allow-keys <glob>',
        'Protected keys that policies may write; may be repeated, or hold several, split by commas',
      )
        .default([], 'none')
        .argParser(keyGlobs),
    )
    .addOption(
      option('--log-level <level>', 'Least level that is logged')
        .choices([...LOG_LEVELS])
        .default('info'),
    )
    .addOption(
      option(
        '--audit-log <file>',
        'File to which each write and each change of a result is appended; - is standard output',
      ),
    )
    .action(async (options: RunOptions) => {
      process.exitCode = await action(options);
    });
  for (const one of electionOptions()) command.addOption(one);
  return command;
}

async function run({ kubeconfig, context, namespace, logLevel, auditLog, ...options }: RunOptions): Promise<number> {
  const output = pino.destination({ fd: 1, sync: true });
  const log = pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);
  try {
    const election = electionOf(options);
    const audit = await openAudit(auditLog, log, output);
    const credentials = await loadCredentials({ kubeconfig, context }, systemClock, log);
    const isInCluster = process.env['KUBERNETES_SERVICE_HOST'] !== undefined;
    const own = namespace ?? (isInCluster ? credentials.namespace : undefined);
    const identity = identityOf(options.identity, isInCluster);
    const operator = new Operator({
      ...options,
      namespace: own ?? DEFAULT_NAMESPACE,
      identity,
      election,
      credentials,
      auditLog: audit.sink,
      clock: systemClock,
      log,
    });
    const signalled = new Promise<NodeJS.Signals>((resolve) => {
      process.once('SIGTERM', resolve);
      process.once('SIGINT', resolve);
    });
    const port = await operator.start();
    log.info(
      {
        version: VERSION,
        identity,
        server: credentials.server.href,
        listen: listenText({ host: options.listen.host, port }),
      },
      'watchkeeper runs',
    );
    const signal = await signalled;
    log.info({ signal }, 'watchkeeper stops');
    const giveUp = setTimeout(() => {
      log.error({}, 'something did not end in time; it is left behind');
      process.exit(1);
    }, STOP_WITHIN_MS);
    await operator.stop();
    await audit.close();
    clearTimeout(giveUp);
    log.info({}, 'watchkeeper has stopped');
    return 0;
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'watchkeeper cannot run');
    return 1;
  }
}

/** What `--audit-log` names; SIGHUP opens a file again, so that it can be moved away. */
async function openAudit(
  path: string | undefined,
  log: Log,
  output: { write(text: string): unknown },
): Promise<{ readonly sink: AuditSink | undefined; close(): Promise<void> }> {
  if (path === undefined) return { sink: undefined, close: async () => {} };
  if (path === '-') return { sink: streamAudit(output), close: async () => {} };
  const file = await AuditLog.open(path, log);
  process.on('SIGHUP', () => void file.reopen());
  return { sink: file, close: () => file.close() };
}
