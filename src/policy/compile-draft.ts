import type { FieldIssue } from '../api/field-issue.ts';
import { quoted } from '../api/words.ts';
import { isMetadataOnly } from './json-path.ts';
import { SchemaEngine } from './json-schema/engine.ts';
import type { KeyProtection } from './key-protection.ts';
import type { Channel } from './program.ts';

/** What a compilation has found so far. All of it is looked at, so that the author sees every problem at once. */
export class CompileDraft {
  readonly issues: FieldIssue[] = [];
  /** Top-level fields besides metadata that are read. */
  readonly fields = new Set<string>();
  namespaceLabels = false;
  namespaceAnnotations = false;
  readonly schemas = new SchemaEngine();
  readonly protection: KeyProtection;

  constructor(protection: KeyProtection) {
    this.protection = protection;
  }

  refuse(path: string, message: string): void {
    this.issues.push({ path, message });
  }

  reads(field: string | undefined): void {
    if (field !== undefined && !isMetadataOnly(field)) this.fields.add(field);
  }

  /** Of a key that a rule names. */
  refuseProtected(channel: Channel, key: string, path: string): void {
    const protection = this.protection(channel, key);
    if (protection === 'Free') return;
    const why =
      protection === 'Never' ? ': it is never written' : "; the cluster's owner can allow it with --allow-keys";
    this.refuse(path, `must not be ${quoted(key)}, a key on which Kubernetes or other tools rely${why}`);
  }

  /** Of globs only those that are keys: whatever else is protected is left out of them. */
  refuseProtectedIn(channel: Channel, globs: readonly string[], path: string): void {
    for (const [i, glob] of globs.entries()) {
      if (!glob.includes('*')) this.refuseProtected(channel, glob, `${path}[${i}]`);
    }
  }
}
