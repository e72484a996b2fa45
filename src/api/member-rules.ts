import type { FieldRule } from './field-rule.ts';
import { listed } from './words.ts';

/** Rules about which members of an object are set. They name the members of `T`, so a renamed field is found by tsc. */
type Member<T> = keyof T & string;

/** "Exactly one of": optional members, of which one is set. */
export function exactlyOne<T extends object>(...members: readonly Member<T>[]): FieldRule<T> {
  return {
    cel: `${count(members)} == 1`,
    message: `must set exactly one of ${listed(members, 'or')}`,
    holds: (value) => present(value, members).length === 1,
    found: (value) => foundMembers(value, members),
  };
}

export function atMostOne<T extends object>(...members: readonly Member<T>[]): FieldRule<T> {
  return {
    cel: `${count(members)} <= 1`,
    message: `must not set more than one of ${listed(members, 'or')}`,
    holds: (value) => present(value, members).length <= 1,
    found: (value) => foundMembers(value, members),
  };
}

export function atLeastOne<T extends object>(...members: readonly Member<T>[]): FieldRule<T> {
  return {
    cel: members.map(has).join(' || '),
    message: `must set at least one of ${listed(members, 'or')}`,
    holds: (value) => present(value, members).length > 0,
  };
}

/** At least one of these lists is set and holds something. */
export function someEntry<T extends object>(...lists: readonly Member<T>[]): FieldRule<T> {
  return {
    cel: lists.map((list) => `(${has(list)} && self.${list}.size() > 0)`).join(' || '),
    message: `must hold at least one entry in ${listed(lists, 'or')}`,
    holds: (value) =>
      present(value, lists).some((list) => {
        const entries: unknown = value[list];
        return Array.isArray(entries) && entries.length > 0;
      }),
  };
}

/** `member` may only be set beside `other`. */
export function onlyWith<T extends object>(member: Member<T>, other: Member<T>, why: string): FieldRule<T> {
  return {
    cel: `!${has(member)} || ${has(other)}`,
    message: `may only be set beside ${other}: ${why}`,
    holds: (value) => !Object.hasOwn(value, member) || Object.hasOwn(value, other),
    at: member,
  };
}

function present<M extends string>(value: object, members: readonly M[]): M[] {
  return members.filter((member) => Object.hasOwn(value, member));
}

function foundMembers(value: object, members: readonly string[]): string {
  const set = present(value, members);
  return set.length === 0 ? 'none of them' : listed(set, 'and');
}

/** Adding is far cheaper in the API server's cost estimate than filtering a list. */
function count(members: readonly string[]): string {
  return members.map((member) => `(${has(member)} ? 1 : 0)`).join(' + ');
}

/** `namespace` is reserved in CEL; the API server escapes it so. */
function has(member: string): string {
  return `has(self.${member === 'namespace' ? '__namespace__' : member})`;
}
