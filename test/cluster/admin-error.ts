import type { Answer } from './connection.ts';
import { at } from './kube-object.ts';

/** The API server refused. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly status: number;
  /** metav1.Status `reason`, '' when the answer had none. */
  readonly reason: string;

  constructor(what: string, { status, body }: Answer) {
    const answer = jsonOf(body);
    super(`${what}: ${status} ${textAt(answer, 'message') ?? body}`);
    this.status = status;
    this.reason = textAt(answer, 'reason') ?? '';
  }
}

function textAt(value: unknown, field: string): string | undefined {
  const text = at(value, field);
  return typeof text === 'string' ? text : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
