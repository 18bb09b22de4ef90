import assert from 'node:assert/strict';
import test from 'node:test';
import { compareTimes, driftOf } from '../src/lib/drift';

const t1 = '2026-11-29T10:00:00.1Z';
const t2 = '2026-11-29T10:00:00.1000001Z';
const t3 = '2026-11-29T11:00:00Z';
const stamp = (at: string, version?: number) => ({ $lastUpdated: at, ...(version === undefined ? {} : { $lastUpdatedVersion: version }) });

function leaf(desired: unknown, reported: unknown, { at = t2, version = 8, reportedAt = t1 } = {}) {
  return driftOf({
    desired: { p: desired, $metadata: { ...stamp(at, version), p: stamp(at, version) }, $version: version },
    reported:
      reported === undefined ? { $metadata: stamp(t1), $version: 1 } : { p: reported, $metadata: { p: stamp(reportedAt) }, $version: 2 },
  });
}

// [what the device did, desired, reported, options, state]
const table: [string, unknown, unknown, object, string][] = [
  ['reports the same number', 4, 4, {}, 'applied'],
  ['reports the same, before it was desired', 'x', 'x', { reportedAt: t1 }, 'applied'],
  ['reports an equal array', [1, { a: 2, b: 3 }], [1, { b: 3, a: 2 }], {}, 'applied'],
  ['reports an array in another order', [1, 2], [2, 1], { reportedAt: t3 }, 'diverged'],
  ['reports nothing', 4, undefined, {}, 'pending'],
  ['reported another value before', 4, 3, { reportedAt: t1 }, 'pending'],
  ['reported another value at the same moment', 4, 3, { reportedAt: t2 }, 'pending'],
  ['reported another value after', 4, 3, { reportedAt: t3 }, 'diverged'],
  ['reports a number as a string', 4, '4', { reportedAt: t3 }, 'diverged'],
  ['reports false for 0', 0, false, { reportedAt: t3 }, 'diverged'],
  ['answers 200 to this version', 4, { value: 4, ac: 200, av: 8, ad: 'ok' }, {}, 'applied'],
  ['answers 200 to a later version', 4, { value: 4, ac: 200, av: 9 }, {}, 'applied'],
  ['answers 203 with another value', 4, { value: 3, ac: 203, av: 8 }, {}, 'applied'],
  ['answered 200 to an earlier version', 4, { value: 4, ac: 200, av: 7 }, { reportedAt: t3 }, 'pending'],
  ['answers that it is at it', 4, { value: 3, ac: 102, av: 8 }, { reportedAt: t3 }, 'pending'],
  ['refuses', 4, { value: 3, ac: 400, av: 8, ad: 'too fast' }, {}, 'rejected'],
  ['refused an earlier version', 4, { value: 3, ac: 500, av: 7 }, {}, 'pending'],
  ['reports an object that only looks like an answer', 4, { value: 4, ac: '200', av: 8 }, { reportedAt: t3 }, 'diverged'],
  ['reports what is desired with the form of an answer', { value: 1, ac: 200, av: 8 }, { value: 1, ac: 200, av: 8 }, {}, 'applied'],
];

for (const [what, desired, reported, options, state] of table) {
  test(`a device that ${what} is ${state}`, () => {
    const found = leaf(desired, reported, options);
    assert.equal(found.state, state);
  });
}

test('what a device says to a refusal is told, and since when it is desired', () => {
  const { rows, oldest } = leaf(4, { value: 3, ac: 400, av: 8, ad: 'too fast' });
  assert.deepEqual(rows[0]!.answer, { code: 400, version: 8, words: 'too fast' });
  assert.equal(rows[0]!.since, t2);
  assert.equal(rows[0]!.version, 8);
  assert.equal(oldest, t2);
});

test('an object shows the worst of its leaves, and the oldest time is that of a leaf that is not applied', () => {
  const found = driftOf({
    desired: {
      fan: { speed: 4, mode: 'auto' },
      $metadata: { fan: { ...stamp(t3, 8), speed: stamp(t3, 8), mode: stamp(t1, 2) } },
      $version: 8,
    },
    reported: {
      fan: { speed: 3, mode: 'auto', rpm: 900 },
      firmware: '1.2',
      $metadata: { fan: { ...stamp(t1), speed: stamp(t1), mode: stamp(t1) } },
      $version: 5,
    },
  });
  assert.deepEqual(
    found.rows.map(({ path, state }) => [path.join('.'), state]),
    [
      ['fan', 'pending'],
      ['fan.speed', 'pending'],
      ['fan.mode', 'applied'],
      ['fan.rpm', 'reported_only'],
      ['firmware', 'reported_only'],
    ],
  );
  assert.equal(found.state, 'pending');
  assert.deepEqual(found.counts, { applied: 1, pending: 1, diverged: 0, rejected: 0 });
  assert.equal(found.oldest, t3);
});

test('an answer to an object counts for each of its leaves', () => {
  const found = driftOf({
    desired: { range: { low: 1, high: 9 }, $metadata: { range: { ...stamp(t2, 8), low: stamp(t1, 3), high: stamp(t2, 8) } }, $version: 8 },
    reported: { range: { value: { low: 1, high: 5 }, ac: 200, av: 7 }, $metadata: { range: stamp(t3) }, $version: 5 },
  });
  assert.deepEqual(
    found.rows.map(({ path, state, reported }) => [path.join('.'), state, reported]),
    [
      ['range', 'pending', undefined],
      ['range.low', 'applied', 1],
      ['range.high', 'pending', 5],
    ],
  );
});

test('nothing is desired: no state; names of the language are keys like others', () => {
  assert.equal(driftOf({ desired: { $version: 1 }, reported: { a: 1, $version: 2 } }).state, 'none');
  assert.equal(driftOf(undefined).state, 'none');
  const twin = JSON.parse('{"desired":{"__proto__":1,"constructor":2},"reported":{"__proto__":1}}');
  assert.deepEqual(
    driftOf(twin).rows.map(({ path, state }) => [path[0], state]),
    [
      ['__proto__', 'applied'],
      ['constructor', 'pending'],
    ],
  );
});

test('an empty object is a leaf', () => {
  assert.equal(leaf({}, {}).state, 'applied');
  assert.equal(leaf({}, undefined).state, 'pending');
});

test('times with any number of digits compare', () => {
  assert.equal(compareTimes('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.0Z'), 0);
  assert.equal(compareTimes(t1, t2), -1);
  assert.equal(compareTimes(t3, t2), 1);
});
