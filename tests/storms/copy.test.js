// The checker checked: everything that a correct hub may send passes, and each mistake is caught.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Chronicle, Copy } = require('./copy');

function copy({ read, told = 0 } = {}) {
  const it = new Copy(new Chronicle('device'));
  it.chronicle.told = told;
  it.asks();
  if (read) it.read(read);
  return it;
}

test('deltas above the version that was read are applied in order', () => {
  const it = copy({ read: { a: { x: 1 }, b: 1, $version: 4 } });
  it.delta(5, { a: { y: 2 }, b: null, $version: 5 });
  it.delta(6, { a: 'text', c: [1], $version: 6 });
  assert.deepEqual([it.version, it.content], [6, { a: 'text', c: [1] }]);
});

test('deltas that arrive before the twin wait for it; deltas that the twin contains already are dropped', () => {
  const it = copy();
  it.delta(3, { a: 3, $version: 3 });
  it.delta(4, { b: 4, $version: 4 });
  it.read({ a: 3, $version: 3 });
  assert.deepEqual([it.version, it.content], [4, { a: 3, b: 4 }]);
  const late = copy({ read: { a: 3, $version: 3 } });
  late.delta(3, { a: 3, $version: 3 });
  assert.deepEqual([late.version, late.content], [3, { a: 3 }]);
});

test('a lost, repeated, reordered or altered delta is found', async (t) => {
  const cases = {
    'a delta is lost': [(it) => it.delta(6, { $version: 6 }), /a delta is lost: the copy is at 4/],
    'a delta comes twice': [(it) => { it.delta(5, { $version: 5 }); it.delta(5, { $version: 5 }); }, /follows the delta 5/],
    'deltas are out of order': [(it) => { it.delta(4, { $version: 4 }); it.delta(3, { $version: 3 }); }, /follows the delta 4/],
    'a delta between two is lost': [(it) => { it.delta(5, { $version: 5 }); it.delta(7, { $version: 7 }); }, /follows the delta 5/],
    'topic and body differ': [(it) => it.delta(5, { $version: 6 }), /the topic's \$version/],
    'the twin forgets what was told': [() => copy({ told: 5, read: { $version: 4 } }), /version 4 read, 5 was told/],
    'a delta is not what the back end wrote': [(it) => {
      it.chronicle.note({ a: 2, $version: 5 }, 'the back end');
      it.delta(5, { a: 3, $version: 5 });
    }, /version 5 as the copy has it, and as the back end had it/],
    'a delta omits that something was removed': [(it) => {
      it.delta(5, { a: 1, $version: 5 });
      it.chronicle.note({ $version: 6, a: 1 }, 'the back end');
      it.delta(6, { b: 1, $version: 6 });
    }, /version 6/],
  };
  for (const [name, [send, why]] of Object.entries(cases)) {
    await t.test(name, () => assert.throws(() => send(copy({ read: { $version: 4 } })), why));
  }
});
