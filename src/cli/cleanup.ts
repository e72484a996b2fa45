import { Command, Option } from 'commander';
import { contextOption, keyGlobs, kubeconfigOption } from './options.ts';

export interface CleanupOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly dryRun: boolean;
  readonly kinds: readonly string[] | undefined;
  readonly retained: boolean;
  readonly allowKeys: readonly string[];
  readonly force: boolean;
}

/** What only this command needs is loaded when it runs: an operator that runs for months has no use for a progress bar. */
async function cleanup(options: CleanupOptions): Promise<number> {
  const { cleanCluster } = await import('./clean-cluster.ts');
  return cleanCluster(options);
}

/** `watchkeeper cleanup`. `action` resolves to the exit code. */
export function cleanupCommand(action: (options: CleanupOptions) => Promise<number> = cleanup): Command {
  return new Command('cleanup')
    .description(
      'Remove the labels and annotations that Watchkeeper set, from all objects of a cluster. Needs no operator and no policy: each object itself says which keys are ours.',
    )
    .addOption(kubeconfigOption())
    .addOption(contextOption())
    .addOption(new Option('--dry-run', 'Find and count, and change nothing').default(false))
    .addOption(
      new Option(
        '--kinds <names...>',
        'Only these kinds: the plural, then a dot and the API group where it has one, such as configmaps or deployments.apps. Default: all',
      ).argParser(names),
    )
    .addOption(
      new Option(
        '--retained',
        'Also keys that are to stay when no policy wants them any more (removalPolicy Retain, renamed keys)',
      ).default(false),
    )
    .addOption(
      new Option(
        '--allow-keys <glob>',
        'Protected keys that the operator was allowed to write, and that are removed too; may be repeated, or hold several, split by commas',
      )
        .default([], 'none')
        .argParser(keyGlobs),
    )
    .addOption(
      new Option('--force', 'Also while policies are enforced: where an operator runs, it sets its keys again').default(
        false,
      ),
    )
    .action(async (options: CleanupOptions) => {
      process.exitCode = await action(options);
    });
}

/** Several words, several times, and lists with commas. */
function names(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...value.split(',').filter((name) => name !== '')];
}
