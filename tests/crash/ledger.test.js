// The checker checked: a ledger accepts what a hub may answer after a crash, and nothing else.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Ledger } = require('./ledger');

const stamp = { $lastUpdated: '2026-11-23T05:40:00Z' };
const section = (version, content, metadata) => ({ ...content, $version: version, $metadata: metadata || mirror(content) });

function mirror(value) {
  const metadata = { ...stamp };
  if (value !== null && typeof value === 'object') for (const [key, member] of Object.entries(value)) metadata[key] = mirror(member);
  return metadata;
}

// Three writes sent, the first two acknowledged.
function ledger() {
  const it = new Ledger('section');
  for (const patch of [{ a: { x: 1 }, b: 1 }, { a: { y: 2 }, b: null }, { c: 3 }]) it.sent(patch);
  it.heard(2);
  it.heard(3);
  return it;
}

test('after a crash the last acknowledged write may be the newest state', () => ledger().settle(section(3, { a: { x: 1, y: 2 } })));

test('a write that was sent and not acknowledged may have been kept', () => ledger().settle(section(4, { a: { x: 1, y: 2 }, c: 3 })));

test('after a restart the ledger goes on from the state that was found', () => {
  const it = ledger();
  it.settle(section(3, { a: { x: 1, y: 2 } }));
  assert.equal(it.sent({ d: 4 }), 4);
  it.settle(section(4, { a: { x: 1, y: 2 }, d: 4 }));
  assert.throws(() => it.settle(section(3, { a: { x: 1, y: 2 } })), /went back/);
});

test('a lost, invented or altered write is found', async (t) => {
  const cases = {
    'an acknowledged write is lost': [section(2, { a: { x: 1 }, b: 1 }), /went back/],
    'a version that nobody asked for': [section(5, { a: { x: 1, y: 2 }, c: 3 }), /only 4 was ever sent/],
    'the content of an older version': [section(3, { a: { x: 1 }, b: 1 }), /content of version 3/],
    'the content of a newer version': [section(3, { a: { x: 1, y: 2 }, c: 3 }), /content of version 3/],
    'metadata of something that is gone': [section(3, { a: { x: 1, y: 2 } }, mirror({ a: { x: 1, y: 2 }, b: 1 })), /\$metadata/],
    'no metadata for something that is there': [section(3, { a: { x: 1, y: 2 } }, mirror({ a: { x: 1 } })), /\$metadata/],
  };
  for (const [name, [read, why]] of Object.entries(cases)) {
    await t.test(name, () => assert.throws(() => ledger().settle(read), why));
  }
});
