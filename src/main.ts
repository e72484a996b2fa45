import { Command } from 'commander';
import { VERSION } from './base/version.ts';
import { cleanupCommand } from './cli/cleanup.ts';
import { rbacCommand } from './cli/rbac.ts';
import { runCommand } from './cli/run.ts';

await new Command('watchkeeper')
  .description(
    'Keeps labels and annotations as WatchPolicy resources say, on every kind, and reports what breaks a rule.',
  )
  .version(VERSION)
  .addCommand(runCommand())
  .addCommand(cleanupCommand())
  .addCommand(rbacCommand())
  .parseAsync();
