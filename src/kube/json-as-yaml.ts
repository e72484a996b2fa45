/**
 * Characters that JSON may hold as they are and YAML may not, or folds as line breaks: the API server's reader refuses a body
 * that has one ("control characters are not allowed", go.yaml.in/yaml/v2 `readerc.go`), and takes each of them escaped.
 */
const NOT_IN_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** As JSON that is YAML too. Halves of characters, which no YAML can say, become U+FFFD, as the API server makes them in JSON. */
export function jsonAsYaml(value: object): string {
  const json = JSON.stringify(value);
  // Halves are all that is escaped like this.
  const whole = json.includes('\\ud') ? JSON.stringify(value, wellFormed) : json;
  return whole.replaceAll(NOT_IN_YAML, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
