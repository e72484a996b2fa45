import type { FieldIssue } from '../api/field-issue.ts';
import { isMetadataOnly } from './json-path.ts';

/** What a compilation has found so far. All of it is looked at, so that the author sees every problem at once. */
export class CompileDraft {
  readonly issues: FieldIssue[] = [];
  /** Top-level fields besides metadata that are read. */
  readonly fields = new Set<string>();
  namespaceLabels = false;

  refuse(path: string, message: string): void {
    this.issues.push({ path, message });
  }

  reads(field: string | undefined): void {
    if (field !== undefined && !isMetadataOnly(field)) this.fields.add(field);
  }
}
