import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { withRules } from './field-rule.ts';
import { exactlyOne, onlyWith, someEntry } from './member-rules.ts';
import {
  annotationKey,
  annotationValue,
  type DeepReadonly,
  fields,
  identifier,
  keyedList,
  keyGlob,
  labelKey,
  labelValue,
  textSet,
} from './schema-parts.ts';
import { valueFromSchema } from './sources.ts';

/** Actions that write labels and annotations of existing objects. */

const wantedKey = <V extends z.ZodType<string>>(key: z.ZodString, value: V) =>
  withRules(
    fields({
      key: key.describe('Key to write.'),
      value: z.exactOptional(value.describe('The value itself.')),
      valueFrom: z.exactOptional(valueFromSchema.describe('Where the value comes from.')),
      fallback: z.exactOptional(
        value.describe('Value when the source has nothing. Without it the key is then not wanted.'),
      ),
      invalidValue: z
        .enum(['Report', 'Sanitize'])
        .default('Report')
        .describe('A value that cannot stand there is reported as an Error, or made to fit.'),
    }),
    [exactlyOne('value', 'valueFrom'), onlyWith('fallback', 'valueFrom', 'it is for a source that has nothing')],
  );

const wantedLabels = keyedList(wantedKey(labelKey, labelValue), ['key'], { max: BOUNDS.keys });
const wantedAnnotations = keyedList(wantedKey(annotationKey, annotationValue), ['key'], { max: BOUNDS.keys });

export const wantedKeysSchema = withRules(
  fields({
    labels: z.exactOptional(wantedLabels.describe('Labels to write.')),
    annotations: z.exactOptional(wantedAnnotations.describe('Annotations to write.')),
  }),
  [someEntry('labels', 'annotations')],
);

export const keyGlobs = textSet(keyGlob, { max: BOUNDS.globs });

export const keyGlobsSchema = withRules(
  fields({
    labels: z.exactOptional(keyGlobs.describe("Globs over label keys. '*' does not cross '/', '**' does.")),
    annotations: z.exactOptional(keyGlobs.describe("Globs over annotation keys. '*' does not cross '/', '**' does.")),
  }),
  [someEntry('labels', 'annotations')],
);

export const copySchema = withRules(
  fields({
    from: z.enum(['Namespace', 'Lookup']).describe("Copy from the object's namespace, or from a looked-up object."),
    lookup: z.exactOptional(identifier.describe('Name of the lookup to copy from.')),
    labels: z.exactOptional(keyGlobs.describe("Globs over label keys to copy. '*' does not cross '/', '**' does.")),
    annotations: z.exactOptional(
      keyGlobs.describe("Globs over annotation keys to copy. '*' does not cross '/', '**' does."),
    ),
    except: z.exactOptional(keyGlobs.describe('Globs over keys that are not copied.')),
    overwrite: z
      .enum(['Always', 'IfAbsent'])
      .default('Always')
      .describe("'Always' keeps the value as 'set' does; 'IfAbsent' writes only absent keys, as 'default' does."),
  }),
  [
    someEntry('labels', 'annotations'),
    {
      cel: "has(self.lookup) == (self.from == 'Lookup')",
      message: 'must be set when from is Lookup, and only then',
      holds: ({ from, lookup }) => (lookup !== undefined) === (from === 'Lookup'),
      found: ({ from, lookup }) => `${lookup === undefined ? 'none' : 'one'} with from ${from}`,
      at: 'lookup',
    },
  ],
);

const renamedKeys = (key: z.ZodString) =>
  keyedList(
    withRules(fields({ from: key.describe('Key to rename.'), to: key.describe('Its new name.') }), [
      {
        cel: 'self.from != self.to',
        message: 'must differ from the key to rename',
        holds: ({ from, to }) => from !== to,
        at: 'to',
      },
    ]),
    ['from'],
    { max: BOUNDS.keys },
  );

export const renameSchema = withRules(
  fields({
    labels: z.exactOptional(renamedKeys(labelKey).describe('Labels to rename.')),
    annotations: z.exactOptional(renamedKeys(annotationKey).describe('Annotations to rename.')),
  }),
  [someEntry('labels', 'annotations')],
);

/** A key that `set` or `default` wants. */
export type WantedKey = DeepReadonly<z.output<typeof wantedAnnotations>>[number];
export type KeyGlobs = DeepReadonly<z.output<typeof keyGlobsSchema>>;
export type Copy = DeepReadonly<z.output<typeof copySchema>>;
export type Rename = DeepReadonly<z.output<typeof renameSchema>>;
