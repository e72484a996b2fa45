import { characters, quoted } from './words.ts';

/** Kubernetes' own rules for names, label keys, label values and annotation keys, with messages in plain words. */

const NAME_PART_MAX = 63;
export const DNS_SUBDOMAIN_MAX = 253;
export const DNS_LABEL_MAX = 63;
/** Prefix, slash, name part. */
export const KEY_MAX = DNS_SUBDOMAIN_MAX + 1 + NAME_PART_MAX;
export const LABEL_VALUE_MAX = 63;

const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const NAME_PART = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';

/** Patterns for the API server, whose engine is linear. In this process the functions below are used instead. */
export const DNS_LABEL_PATTERN = `^${DNS_LABEL}$`;
export const DNS_SUBDOMAIN_PATTERN = `^${DNS_LABEL}(\\.${DNS_LABEL})*$`;
export const LABEL_KEY_PATTERN = `^(${DNS_LABEL}(\\.${DNS_LABEL})*/)?${NAME_PART}$`;
/** Kubernetes lower-cases annotation keys before it checks them, so their prefix may hold capitals. */
export const ANNOTATION_KEY_PATTERN = LABEL_KEY_PATTERN.replaceAll('a-z0-9]', 'A-Za-z0-9]').replaceAll('A-ZA-Z', 'A-Z');
export const LABEL_VALUE_PATTERN = `^(${NAME_PART})?$`;

/** Why `key` cannot be the key of a label; undefined when it can. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  if (slash === -1) return namePartProblem(key, 'a key');
  if (slash === 0) return "must not begin with '/': leave it out, or put a domain before it";
  if (key.includes('/', slash + 1)) return `must hold at most one '/', found ${quoted(key)}`;
  const prefix = dnsSubdomainProblem(key.slice(0, slash));
  if (prefix !== undefined) return `the part before '/' ${prefix}`;
  return namePartProblem(key.slice(slash + 1), "the part after '/'");
}

/** Why `key` cannot be the key of an annotation; undefined when it can. */
export function annotationKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  return labelKeyProblem(slash === -1 ? key : key.slice(0, slash).toLowerCase() + key.slice(slash));
}

/** Why `value` cannot be the value of a label; undefined when it can. The empty value is allowed. */
export function labelValueProblem(value: string): string | undefined {
  return value === '' ? undefined : namePartProblem(value, 'a label value');
}

/** Why `name` is no DNS subdomain, which is what most objects' names must be (RFC 1123); undefined when it is one. */
export function dnsSubdomainProblem(name: string): string | undefined {
  return dnsProblem(name, name.split('.'), DNS_SUBDOMAIN_MAX, "lower-case letters, digits, '-' and '.'");
}

/** Why `name` is no DNS label, which is what namespaces' names must be (RFC 1123); undefined when it is one. */
export function dnsLabelProblem(name: string): string | undefined {
  return dnsProblem(name, [name], DNS_LABEL_MAX, "lower-case letters, digits and '-'");
}

function dnsProblem(name: string, labels: readonly string[], max: number, allowed: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > max) return `must be at most ${max} characters, found ${characters(name)}`;
  const sound = labels.every((label) => /^[-a-z0-9]+$/.test(label) && !label.startsWith('-') && !label.endsWith('-'));
  if (sound) return undefined;
  const where = labels.length > 1 ? ', also around each dot' : '';
  return `must hold only ${allowed}, and begin and end with a letter or digit${where}; found ${quoted(name)}`;
}

function namePartProblem(text: string, what: string): string | undefined {
  if (text === '') return `${what} must not be empty`;
  if (text.length > NAME_PART_MAX) {
    return `${what} must be at most ${NAME_PART_MAX} characters, found ${characters(text)}`;
  }
  if (/^[-A-Za-z0-9_.]+$/.test(text) && /^[A-Za-z0-9]/.test(text) && /[A-Za-z0-9]$/.test(text)) return undefined;
  return `${what} must hold only letters, digits, '-', '_' and '.', and begin and end with a letter or digit; found ${quoted(text)}`;
}
