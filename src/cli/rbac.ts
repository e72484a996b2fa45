import { Command, Option } from 'commander';
import { argument, contextOption, kubeconfigOption, parseNamespace, parseNamespaces } from './options.ts';

export interface RbacOptions {
  /** Files, folders, `-`; none: the policies of the cluster. */
  readonly files: readonly string[];
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly all: boolean;
  readonly enforced: boolean;
  readonly offline: boolean;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly namespaces: readonly string[] | undefined;
  readonly output: 'yaml' | 'json';
}

/** What only this command needs is loaded when it runs. */
async function rbac(options: RbacOptions): Promise<number> {
  const { printRoles } = await import('./print-roles.ts');
  return printRoles(options);
}

/** `watchkeeper rbac`. `action` resolves to the exit code. */
export function rbacCommand(action: (options: RbacOptions) => Promise<number> = rbac): Command {
  return new Command('rbac')
    .description(
      'Print the exact rights on kinds that the operator needs for policies, as roles to apply: kind by kind, and patch only where a rule writes. Changes nothing.',
    )
    .argument('[files...]', 'Policies: files, folders, or - for standard input. Default: those in the cluster')
    .addOption(kubeconfigOption())
    .addOption(contextOption())
    .addOption(
      new Option(
        '--all',
        'On all kinds that the cluster serves and globs reach, beside those of the files; Secrets and access control only where a policy names them',
      ).default(false),
    )
    .addOption(
      new Option('--enforced', 'As if every policy were in mode Enforce: what they will need then').default(false),
    )
    .addOption(
      new Option('--offline', 'Without a cluster: for policies without globs, which only a cluster can resolve')
        .default(false)
        .conflicts('all'),
    )
    .addOption(
      new Option('--namespace <name>', "The operator's own namespace, where its ServiceAccount is")
        .default('watchkeeper')
        .argParser(argument(parseNamespace)),
    )
    .addOption(
      new Option('--service-account <name>', "The operator's ServiceAccount, to which the roles are bound").default(
        'watchkeeper',
      ),
    )
    .addOption(
      new Option(
        '--namespaces <names>',
        'A Role in each of these namespaces, split by commas, for an operator that runs with them. Default: a ClusterRole',
      ).argParser(argument(parseNamespaces)),
    )
    .addOption(new Option('--output <format>', 'Form of what is printed').choices(['yaml', 'json']).default('yaml'))
    .action(async (files: readonly string[], options: Omit<RbacOptions, 'files'>) => {
      process.exitCode = await action({ ...options, files });
    });
}
