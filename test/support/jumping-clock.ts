/**
 * Flags of a process whose wall clock jumps by so many milliseconds with one signal, SIGUSR2, and by as much to the other side with
 * the next one.
 */
export function jumping(ms: number): readonly string[] {
  const script = `let by = 0; const { now } = Date; Date.now = () => now() + by;
    process.on('SIGUSR2', () => { by = by === ${ms} ? ${-ms} : ${ms}; });`;
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
}

export const HOUR = 3_600_000;
