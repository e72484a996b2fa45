/** Something secret, to be looked for wherever it must not be. */
export const CANARY = 'canary-7f3a9c';

/** As it would be found: as it is, and inside base64, as in the data of a Secret. */
const FORMS = [CANARY, wholeGroups(CANARY)];

/** The base64 of a text up to its last whole group of three bytes: what follows the text does not change it. */
function wholeGroups(text: string): string {
  return Buffer.from(text.slice(0, text.length - (text.length % 3))).toString('base64');
}

export function tellsCanary(text: string): boolean {
  return FORMS.some((form) => text.includes(form));
}
