// The checker checked: it accepts all that at-least-once allows and nothing else.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Checker } = require('./checker');

function sent(count, acknowledged) {
  const checker = new Checker();
  for (let n = 1; n <= count; n += 1) checker.next('d');
  for (const n of acknowledged) checker.acknowledged('d', n);
  return checker;
}
const receive = (checker, ...numbers) => { for (const n of numbers) checker.received('d', n); return checker; };

test('all events in order pass', () => receive(sent(3, [1, 2, 3]), 1, 2, 3).check({ duplicates_allowed: false }));
test('an event that was not acknowledged may be missing', () => receive(sent(3, [1, 3]), 1, 3).check({ duplicates_allowed: false }));
test('a replay passes after a failure only', () => {
  const checker = receive(sent(3, [1, 2, 3]), 1, 2, 1, 2, 3);
  checker.check({ duplicates_allowed: true });
  assert.throws(() => checker.check({ duplicates_allowed: false }), /duplicates/);
});
test('a lost event is found', () => {
  assert.throws(() => receive(sent(3, [1, 2, 3]), 1, 3).check({ duplicates_allowed: true }), /missing/);
});
test('a wrong order is found', () => {
  assert.throws(() => receive(sent(3, [1, 2, 3]), 1, 3, 2).check({ duplicates_allowed: true }), /2 arrived first after 3/);
});
test('an invented event is found', () => {
  assert.throws(() => receive(sent(1, [1]), 1, 2).check({ duplicates_allowed: true }), /only 1 were sent/);
});
