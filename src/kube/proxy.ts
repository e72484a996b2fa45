import { BlockList, isIP, isIPv6 } from 'node:net';
import { credentialError } from './credential-error.ts';
import { endPointOf, withoutBrackets } from './end-point.ts';

/** Names that lead to this machine, whatever the environment says. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * The proxy by which a server is reached: the one that its kubeconfig names, else that of HTTPS_PROXY unless NO_PROXY
 * rules it out. Undefined for none. Throws ApiError 'Unauthorized' for one that cannot be used; what it says has no
 * name and password in it.
 */
export function proxyFor(
  server: URL,
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): URL | undefined {
  if (named !== undefined && named !== '') return proxyUrl(named, 'proxy-url of the kubeconfig');
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'];
  if (proxy === undefined || proxy === '') return undefined;
  if (isDirect(server, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined;
  return proxyUrl(proxy, 'HTTPS_PROXY');
}

function proxyUrl(text: string, where: string): URL {
  // As curl and client-go take it: a host and a port alone are an HTTP proxy.
  const whole = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(whole)) throw credentialError(`${where} is no address of a proxy`);
  const url = new URL(whole);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw credentialError(`${where} asks for a proxy by ${url.protocol}//: only http:// and https:// are supported`);
}

/**
 * Whether a list as that of NO_PROXY names the server: addresses, networks, names with all below them, `.name` with
 * those below it alone, `*`.
 */
function isDirect(server: URL, list: string): boolean {
  const { host: name, port } = endPointOf(server);
  const host = name.toLowerCase();
  if (host === 'localhost' || isWithin(LOOPBACK, host)) return true;
  return list.split(',').some((entry) => entryFits(entry.trim().toLowerCase(), host, port));
}

function entryFits(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  if (entry === '') return false;
  if (entry.includes('/')) return isWithin(networkOf(entry), host);
  const [, name = '', wanted] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (wanted !== undefined && isIP(entry) === 0 && Number(wanted) !== port) return false;
  const bare = withoutBrackets(isIP(entry) === 0 ? name : entry);
  if (isIP(bare) !== 0) return isWithin(networkOf(bare), host);
  const below = bare.replace(/^\*/, '');
  return below.startsWith('.') ? host.endsWith(below) : host === below || host.endsWith(`.${below}`);
}

/** One address, or `address/bits`; empty where it is neither. */
function networkOf(text: string): BlockList {
  const list = new BlockList();
  const [address = '', bits] = text.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (isIP(address) !== 0 && Number.isInteger(prefix) && prefix >= 0 && prefix <= most)
    list.addSubnet(address, prefix, family);
  return list;
}

function isWithin(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
