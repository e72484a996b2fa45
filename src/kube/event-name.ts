/** The end of the names of our Events, by which they are told from those of others. */
export const OWN_EVENT_NAME = /\.watchkeeper-[0-9a-f]+$/;

/** Leaves room for the end, in the 253 characters of a name. */
const MOST = 200;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The name of an Event about an object; `serial` makes it unique. Not every name of an object can be part of another one's. */
export function eventName(regarding: string, serial: bigint): string {
  const name = regarding.length <= MOST && DNS_SUBDOMAIN.test(regarding) ? regarding : 'object';
  return `${name}.watchkeeper-${serial.toString(16)}`;
}
