import * as z from 'zod';
import { answer, BreakableServer, type Breakage } from './breakable-server.ts';

const Review = z.object({
  request: z.object({
    uid: z.string(),
    desiredAPIVersion: z.string(),
    objects: z.array(z.looseObject({ apiVersion: z.string() })),
  }),
});

/** A webhook that converts objects of a CRD between its versions, of which only the name differs. */
export class ConversionWebhook implements AsyncDisposable {
  readonly #server: BreakableServer;
  readonly #refusal: { words?: string };

  private constructor(server: BreakableServer, refusal: { words?: string }) {
    this.#server = server;
    this.#refusal = refusal;
  }

  static async start(): Promise<ConversionWebhook> {
    const refusal: { words?: string } = {};
    const server = await BreakableServer.start(['127.0.0.1'], (_request, response, body) => {
      const { uid, desiredAPIVersion, objects } = Review.parse(JSON.parse(body)).request;
      const convertedObjects = objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion }));
      const { words } = refusal;
      const outcome =
        words === undefined
          ? { result: { status: 'Success' }, convertedObjects }
          : { result: { status: 'Failure', message: words } };
      answer(response, 200, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'ConversionReview',
        response: { uid, ...outcome },
      });
    });
    return new ConversionWebhook(server, refusal);
  }

  /** For `spec.conversion` of a CRD. */
  get conversion() {
    const { port, caBundle } = this.#server;
    const clientConfig = { url: `https://127.0.0.1:${port}/convert`, caBundle };
    return { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } };
  }

  get requests(): number {
    return this.#server.requests;
  }

  break(how: Breakage): void {
    this.#server.break(how);
  }

  /** It answers that it cannot convert, in these words. */
  refuse(words: string): void {
    this.#refusal.words = words;
  }

  heal(): void {
    delete this.#refusal.words;
    this.#server.heal();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
