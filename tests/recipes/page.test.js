// What TESTING.md shows of its recipes stands in them, so that it is run.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const read = (...parts) => fs.readFileSync(path.join(__dirname, ...parts), 'utf8');
const suites = ['node/pump.test.js', 'node/container.test.js', 'pytest/test_pump.py'].map((file) => read(file));

test('each block of code under Recipes is a piece of a suite that is run', () => {
  const recipes = read('..', '..', 'TESTING.md').split('\n## Recipes\n')[1];
  const blocks = [...recipes.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, text]) => text);
  assert.ok(blocks.length >= 4, `${blocks.length} blocks`);
  for (const block of blocks) assert.ok(suites.some((suite) => suite.includes(block)), block);
});
