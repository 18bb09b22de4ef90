import assert from 'node:assert/strict';
import test from 'node:test';
import { winnersOf } from '../src/lib/winners';

const one = (id: string, priority: number, createdTimeUtc: string, deviceContent: object) => ({
  id,
  priority,
  createdTimeUtc,
  content: { deviceContent } as never,
});

test('the higher priority wins a property, of equal ones the newer; the others are told', () => {
  const winners = winnersOf([
    one('low', 1, '2026-01-03T00:00:00Z', { 'properties.desired.fan': { speed: 1, mode: 'auto' } }),
    one('old', 5, '2026-01-01T00:00:00Z', { 'properties.desired.fan.speed': 2 }),
    one('new', 5, '2026-01-02T00:00:00Z', { 'properties.desired': { fan: { speed: 3 } }, 'properties.desired.list': [1] }),
  ]);
  assert.deepEqual(winners.get('["fan","speed"]'), { id: 'new', over: ['old', 'low'] });
  assert.deepEqual(winners.get('["fan","mode"]'), { id: 'low', over: [] });
  assert.deepEqual(winners.get('["list"]'), { id: 'new', over: [] });
  assert.equal(winners.size, 3);
});

test('what is no content for devices sets nothing', () => {
  assert.equal(
    winnersOf([
      { id: 'edge', priority: 1, createdTimeUtc: '', content: { modulesContent: {} } },
      { id: 'odd', priority: 1, createdTimeUtc: '', content: null },
    ]).size,
    0,
  );
  assert.equal(winnersOf([one('other', 1, '', { 'properties.reported.x': 1, 'properties.desiredx': 1 })]).size, 0);
});
