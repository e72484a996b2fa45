/** RFC 3339 with microseconds, as the API server wants it of Events and Leases. `ms`: since the Unix epoch. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
