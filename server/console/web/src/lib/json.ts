// JSON values, and what the other modules need of them.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own member. Keys are foreign: "__proto__" and "constructor" are names like others. */
export function member(object: unknown, key: string): Json | undefined {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

export function put(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => same(value, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

/** What a client may write of a section: without the members that the hub owns. */
export function withoutHubMembers(section: unknown): JsonObject {
  const out: JsonObject = {};
  if (!isObject(section)) return out;
  for (const [key, value] of Object.entries(section)) {
    if (key !== '$metadata' && key !== '$version') put(out, key, value);
  }
  return out;
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? '';
}
