const NUMBER = new Intl.NumberFormat('en-US');

/** `1 object`, `4,812 objects` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${NUMBER.format(count)} ${count === 1 ? one : many}`;
}
