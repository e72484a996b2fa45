export interface Listen {
  /** '' for every address of the machine. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `0.0.0.0:8080`. Throws with what is allowed. */
export function parseListen(text: string): Listen {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new Error(
      `'${text}' is not an address to listen on; it must be HOST:PORT, such as 0.0.0.0:8080 or [::1]:8080`,
    );
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The same way round: `[::1]:8080`. */
export function listenText({ host, port }: Listen): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
