import assert from 'node:assert/strict';
import test from 'node:test';
import type { JsonObject } from '../src/lib/json';
import { mergeThreeWays, withLeaf } from '../src/lib/merge';
import { applyPatch, changesOf, makePatch } from '../src/lib/patch';

const base: JsonObject = { fan: { speed: 1, mode: 'auto' }, list: [1, 2], room: 'attic' };

// [what happens, mine, theirs, merged, paths in conflict]
const merges: [string, JsonObject, JsonObject, JsonObject, string[]][] = [
  ['only mine', { ...base, room: 'roof' }, base, { ...base, room: 'roof' }, []],
  ['only theirs', base, { ...base, room: 'roof' }, { ...base, room: 'roof' }, []],
  ['both alike', { ...base, room: 'roof' }, { ...base, room: 'roof' }, { ...base, room: 'roof' }, []],
  [
    'other leaves of one object',
    { ...base, fan: { speed: 2, mode: 'auto' } },
    { ...base, fan: { speed: 1, mode: 'off' } },
    { ...base, fan: { speed: 2, mode: 'off' } },
    [],
  ],
  [
    'the same leaf',
    { ...base, fan: { speed: 2, mode: 'auto' } },
    { ...base, fan: { speed: 3, mode: 'auto' } },
    { ...base, fan: { speed: 3, mode: 'auto' } },
    ['fan.speed'],
  ],
  ['an array', { ...base, list: [1] }, { ...base, list: [2] }, { ...base, list: [2] }, ['list']],
  ['I remove, they change', { fan: base.fan!, list: [1, 2] }, { ...base, room: 'x' }, { ...base, room: 'x' }, ['room']],
  ['I change, they remove', { ...base, room: 'x' }, { fan: base.fan!, list: [1, 2] }, { fan: base.fan!, list: [1, 2] }, ['room']],
  ['I remove, they leave', { fan: base.fan!, list: [1, 2] }, base, { fan: base.fan!, list: [1, 2] }, []],
  ['both add objects', { ...base, n: { a: 1 } }, { ...base, n: { b: 2 } }, { ...base, n: { a: 1, b: 2 } }, []],
  ['object against value', { ...base, room: { a: 1 } }, { ...base, room: 7 }, { ...base, room: 7 }, ['room']],
];

for (const [what, mine, theirs, merged, conflicts] of merges) {
  test(`a merge: ${what}`, () => {
    const found = mergeThreeWays(base, mine, theirs);
    assert.deepEqual(found.value, merged);
    assert.deepEqual(
      found.conflicts.map(({ path }) => path.join('.')),
      conflicts,
    );
  });
}

test('a conflict is settled by putting one leaf in, or taking it out', () => {
  assert.deepEqual(withLeaf(base, ['fan', 'speed'], 9).fan, { speed: 9, mode: 'auto' });
  assert.deepEqual(withLeaf(base, ['fan', 'speed'], undefined).fan, { mode: 'auto' });
  assert.deepEqual(withLeaf({}, ['a', 'b'], 1), { a: { b: 1 } });
  assert.deepEqual(withLeaf(base, ['room', 'x'], 1).room, { x: 1 });
});

const patches: [JsonObject, JsonObject, JsonObject][] = [
  [{ a: 1 }, { a: 1 }, {}],
  [{ a: 1 }, {}, { a: null }],
  [{}, { a: { b: 1 } }, { a: { b: 1 } }],
  [{ a: { b: 1, c: 2 } }, { a: { b: 1 } }, { a: { c: null } }],
  [{ a: { b: 1 } }, { a: 5 }, { a: 5 }],
  [{ a: 5 }, { a: { b: 1 } }, { a: { b: 1 } }],
  [{ a: [1, 2] }, { a: [2, 1] }, { a: [2, 1] }],
  [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
];

test('a patch makes one document of the other, and the patch of the way back undoes it', () => {
  for (const [from, to, patch] of patches) {
    assert.deepEqual(makePatch(from, to), patch);
    assert.deepEqual(applyPatch(from, patch), to);
    assert.deepEqual(applyPatch(to, makePatch(to, from)), from);
  }
});

test('random documents: patches and their inverses', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const value = (depth: number): JsonObject[string] => {
    const kind = random(depth > 2 ? 3 : 5);
    if (kind === 0) return random(3);
    if (kind === 1) return ['x', 'y'][random(2)]!;
    if (kind === 2) return [random(2)];
    return document(depth + 1);
  };
  const document = (depth = 0): JsonObject =>
    Object.fromEntries(Array.from({ length: random(5) }, () => ['abcd'[random(4)]!, value(depth)]));
  for (let i = 0; i < 2000; i += 1) {
    const [from, to] = [document(), document()];
    assert.deepEqual(applyPatch(from, makePatch(from, to)), to);
    assert.deepEqual(mergeThreeWays(from, to, from).value, to);
    assert.deepEqual(mergeThreeWays(from, from, to).value, to);
  }
});

test('"__proto__" is a key like others', () => {
  const from = JSON.parse('{"__proto__":{"a":1}}') as JsonObject;
  assert.equal(JSON.stringify(makePatch(from, JSON.parse('{"__proto__":{"a":2}}'))), '{"__proto__":{"a":2}}');
  assert.equal(JSON.stringify(makePatch(from, {})), '{"__proto__":null}');
  assert.equal(({} as { a?: number }).a, undefined);
});

test('what a patch does is told leaf by leaf', () => {
  assert.deepEqual(changesOf({ a: { b: 1, c: null }, d: [1] }), [
    { path: ['a', 'b'], value: 1 },
    { path: ['a', 'c'], value: undefined },
    { path: ['d'], value: [1] },
  ]);
});
