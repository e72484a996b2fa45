import { InvalidArgumentError, Option } from 'commander';
import { keyGlob } from '../api/schema-parts.ts';
import { messageOf } from '../base/errors.ts';

/** What commands have in common. */

export function kubeconfigOption(): Option {
  return option(
    '--kubeconfig <file>',
    "Kubeconfig to use. Default: $KUBECONFIG, the pod's service account, ~/.kube/config",
  );
}

export function contextOption(): Option {
  return option('--context <name>', 'Context of the kubeconfig. Default: its current one');
}

/** Every option can also be given as WATCHKEEPER_ and its name in capitals. */
export function option(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? '';
  return new Option(flags, description).env(`WATCHKEEPER_${name.replaceAll('-', '_').toUpperCase()}`);
}

export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

export function integer(min: number, max: number): (text: string) => number {
  return argument((text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new Error(`it must be an integer from ${min} to ${max}`);
    return value;
  });
}

/** Globs over keys, split by commas. Commander hands over what earlier flags have brought. */
export function keyGlobs(text: string, before: readonly string[]): readonly string[] {
  const globs = argument((list) => list.split(',').map(keyGlobOf))(text);
  return [...before, ...globs];
}

function keyGlobOf(text: string): string {
  const parsed = keyGlob.safeParse(text.trim());
  if (!parsed.success) throw new Error(`'${text.trim()}' ${parsed.error.issues[0]?.message ?? 'is no glob'}`);
  return parsed.data;
}

/** Names split by commas, sorted, each once. */
export function parseNamespaces(text: string): readonly string[] {
  const names = text.split(',').map((name) => parseNamespace(name.trim()));
  return [...new Set(names)].toSorted();
}

export function parseNamespace(name: string): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) throw new Error(`'${name}' is not the name of a namespace`);
  return name;
}

export function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Error('it must be true or false');
  return text === 'true';
}
