// The merge patch (RFC 7396) that makes one document of another: what is removed becomes null.
import { isObject, put, same, type Json, type JsonObject } from './json';

export function makePatch(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(from)) {
    if (!Object.hasOwn(to, key)) put(patch, key, null);
  }
  for (const [key, value] of Object.entries(to)) {
    if (!Object.hasOwn(from, key)) {
      put(patch, key, value);
      continue;
    }
    const old = from[key]!;
    if (same(old, value)) continue;
    put(patch, key, isObject(old) && isObject(value) ? makePatch(old, value) : value);
  }
  return patch;
}

export function applyPatch(document: JsonObject, patch: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(document)) {
    if (!Object.hasOwn(patch, key)) put(out, key, value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) continue;
    const old = Object.hasOwn(document, key) ? document[key] : undefined;
    put(out, key, isObject(value) ? applyPatch(isObject(old) ? old : {}, value) : value);
  }
  return out;
}

export function isEmpty(patch: JsonObject): boolean {
  return Object.keys(patch).length === 0;
}

/** What a patch does, leaf by leaf, for a reader. */
export function changesOf(patch: JsonObject, path: string[] = []): { path: string[]; value: Json | undefined }[] {
  return Object.entries(patch).flatMap(([key, value]) => {
    const here = [...path, key];
    if (isObject(value) && Object.keys(value).length > 0) return changesOf(value, here);
    return [{ path: here, value: value === null ? undefined : value }];
  });
}
