import { isRecord, textOf } from '../base/json-value.ts';
import type { KubeClient } from './client.ts';
import { parseAnswer } from './json-answer.ts';
import { malformed } from './malformed.ts';
import { JSON_TEXT } from './media-types.ts';
import { collectionPath } from './paths.ts';

/** What may be done, as authorization.k8s.io names it. */
export interface AccessQuestion {
  readonly verb: string;
  /** '' for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string | undefined;
  /** Absent or '': in all namespaces, or cluster-scoped. */
  readonly namespace?: string | undefined;
  /** Absent or '': all names. */
  readonly name?: string | undefined;
}

export interface AccessAnswer {
  readonly allowed: boolean;
  /** The authorizer's words, often ''. */
  readonly reason: string;
}

/** Asks the server whether our own credentials allow something (SelfSubjectAccessReview). Rejects with ApiError. */
export async function reviewSelfAccess(
  client: KubeClient,
  question: AccessQuestion,
  signal: AbortSignal,
): Promise<AccessAnswer> {
  const group = 'authorization.k8s.io';
  const { body } = await client.request({
    method: 'POST',
    path: collectionPath({ group, version: 'v1', resource: 'selfsubjectaccessreviews' }),
    accept: JSON_TEXT,
    contentType: JSON_TEXT,
    body: JSON.stringify({
      apiVersion: `${group}/v1`,
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: question },
    }),
    signal,
  });
  const { status } = parseAnswer(body);
  if (!isRecord(status)) throw malformed('an access review without a status');
  return { allowed: status['allowed'] === true, reason: textOf(status['reason']) };
}

/** Which of the verbs we have no right to. Rejects with ApiError. */
export async function forbiddenVerbs(
  client: KubeClient,
  what: Omit<AccessQuestion, 'verb'>,
  verbs: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const reviews = verbs.map((verb) => reviewSelfAccess(client, { ...what, verb }, signal));
  const answers = await Promise.all(reviews);
  return verbs.filter((_, i) => answers[i]?.allowed === false);
}
