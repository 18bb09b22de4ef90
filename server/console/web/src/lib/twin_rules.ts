// IoT Hub's rules for a section of a twin, marked while somebody types. The hub decides; this says it earlier.
import { isObject, type Json, type JsonObject } from './json';

export const tagsBytesLimit = 8 * 1024;
export const propertiesBytesLimit = 32 * 1024;
const keyBytesMax = 1024;
const stringBytesMax = 4096;
const depthMax = 10;
const integerMax = 2 ** 52 - 1;
const integerMin = -(2 ** 52);

const encoder = new TextEncoder();
const utf8Length = (text: string) => encoder.encode(text).length;
const forbiddenInKeys = /[.$#\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const controls = /[\u0000-\u001f\u0080-\u009f]/g;

export type RuleBroken = {
  path: string[];
  rule: 'key' | 'key_length' | 'string_length' | 'depth' | 'integer' | 'null_in_array' | 'null' | 'object';
};

/** As the hub counts: keys and strings by their bytes without control characters, a number 8, a boolean 4, null 0. */
export function countedBytes(value: Json): number {
  if (typeof value === 'string') return utf8Length(value.replace(controls, ''));
  if (typeof value === 'number') return 8;
  if (typeof value === 'boolean') return 4;
  if (value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, element) => sum + countedBytes(element), 0);
  return Object.entries(value).reduce((sum, [key, child]) => sum + countedBytes(key) + countedBytes(child), 0);
}

/** Every rule that a section breaks, at its path. Null has no place in a whole section: to remove a key, take it out. */
export function brokenRules(section: Json): RuleBroken[] {
  if (!isObject(section)) return [{ path: [], rule: 'object' }];
  const broken: RuleBroken[] = [];
  checkObject(section, [], 0, false, broken);
  return broken;
}

function checkObject(object: JsonObject, path: string[], depth: number, inArray: boolean, broken: RuleBroken[]): void {
  for (const [key, value] of Object.entries(object)) {
    const here = [...path, key];
    if (utf8Length(key) > keyBytesMax) broken.push({ path: here, rule: 'key_length' });
    else if (forbiddenInKeys.test(key)) broken.push({ path: here, rule: 'key' });
    checkValue(value, here, depth, inArray, broken);
  }
}

function checkValue(value: Json, path: string[], depth: number, inArray: boolean, broken: RuleBroken[]): void {
  if (value === null) {
    broken.push({ path, rule: inArray ? 'null_in_array' : 'null' });
  } else if (typeof value === 'string') {
    if (utf8Length(value) > stringBytesMax) broken.push({ path, rule: 'string_length' });
  } else if (typeof value === 'number') {
    if ((value > integerMax || value < integerMin) && /^-?\d+$/.test(String(value))) broken.push({ path, rule: 'integer' });
  } else if (typeof value === 'object') {
    if (depth + 1 > depthMax) broken.push({ path, rule: 'depth' });
    else if (Array.isArray(value)) value.forEach((element, i) => checkValue(element, [...path, String(i)], depth + 1, true, broken));
    else checkObject(value, path, depth + 1, inArray, broken);
  }
}
