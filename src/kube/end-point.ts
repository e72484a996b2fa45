/** Where to connect to. */
export interface EndPoint {
  /** A name or an address, without the brackets in which URLs write IPv6. */
  readonly host: string;
  readonly port: number;
}

/** Of a URL of http or https, with the port that the scheme means where it names none. */
export function endPointOf({ hostname, port, protocol }: URL): EndPoint {
  const implied = protocol === 'https:' ? 443 : 80;
  return { host: withoutBrackets(hostname), port: port === '' ? implied : Number(port) };
}

/** `[::1]` is `::1`; other names are as they are. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
