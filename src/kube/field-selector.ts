/** A field selector for the object of this name. */
export function nameSelector(name: string): string {
  return `metadata.name=${name.replaceAll(/[\\,=]/g, '\\$&')}`;
}
