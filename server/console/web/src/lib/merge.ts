// Three-way merge by leaf: two people have changed the same document.
import { isObject, member, put, same, type Json, type JsonObject } from './json';

/** undefined: the member is not there. */
export interface Conflict {
  path: string[];
  base: Json | undefined;
  mine: Json | undefined;
  theirs: Json | undefined;
}

export interface Merged {
  value: JsonObject; // where both have changed a leaf: theirs
  conflicts: Conflict[];
}

/** Objects are merged by member; anything else, arrays too, is a leaf. */
export function mergeThreeWays(base: JsonObject, mine: JsonObject, theirs: JsonObject): Merged {
  const conflicts: Conflict[] = [];
  return { value: mergeObjects([], base, mine, theirs, conflicts), conflicts };
}

function mergeObjects(path: string[], base: JsonObject, mine: JsonObject, theirs: JsonObject, conflicts: Conflict[]): JsonObject {
  const out: JsonObject = {};
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = mergeMember([...path, key], member(base, key), member(mine, key), member(theirs, key), conflicts);
    if (value !== undefined) put(out, key, value);
  }
  return out;
}

function mergeMember(
  path: string[],
  base: Json | undefined,
  mine: Json | undefined,
  theirs: Json | undefined,
  conflicts: Conflict[],
): Json | undefined {
  if (same(mine, theirs) || same(mine, base)) return theirs;
  if (same(theirs, base)) return mine;
  if (isObject(mine) && isObject(theirs)) return mergeObjects(path, isObject(base) ? base : {}, mine, theirs, conflicts);
  conflicts.push({ path, base, mine, theirs });
  return theirs;
}

/** The document with the leaf at `path` replaced; undefined takes it out. */
export function withLeaf(document: JsonObject, path: string[], value: Json | undefined): JsonObject {
  const out: JsonObject = {};
  const [first, ...rest] = path as [string, ...string[]];
  for (const [key, old] of Object.entries(document)) {
    if (key !== first) put(out, key, old);
    else if (rest.length > 0) put(out, key, withLeaf(isObject(old) ? old : {}, rest, value));
    else if (value !== undefined) put(out, key, value);
  }
  if (!Object.hasOwn(document, first) && value !== undefined) put(out, first, rest.length > 0 ? withLeaf({}, rest, value) : value);
  return out;
}
