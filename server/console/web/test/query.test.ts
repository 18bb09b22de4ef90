import assert from 'node:assert/strict';
import test from 'node:test';
import { askedOf, pathsIn, queryError, quoted } from '../src/lib/query';

test('words become STARTSWITH, conditions are wrapped, a SELECT is asked as it is', () => {
  assert.equal(askedOf('').query, 'SELECT * FROM devices');
  assert.equal(askedOf('  ').kind, 'all');
  assert.equal(askedOf(' pump ').query, "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'pump')");
  assert.equal(askedOf('pump-1.west').kind, 'words');
  assert.equal(askedOf("it's").query, "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'it\\'s')");
  assert.equal(askedOf("tags.site = 'west'").query, "SELECT * FROM devices WHERE tags.site = 'west'");
  assert.equal(askedOf('IS_DEFINED(tags.x)').kind, 'condition');
  assert.equal(askedOf('NOT tags.x').kind, 'condition');
  assert.equal(askedOf('select deviceId FROM devices').kind, 'select');
  assert.equal(askedOf('selected-1').kind, 'words');
  assert.equal(quoted('a\\b'), "'a\\\\b'");
});

test("an error's column is the reader's own", () => {
  const at = (text: string, column: number, line = 1) =>
    queryError(`ErrorCode:ArgumentInvalid;BadRequest: unexpected '=' at line ${line}, column ${column}`, askedOf(text), text);
  assert.deepEqual(at('tags.site === 3', 40), { words: "unexpected '='", column: 12 });
  assert.deepEqual(at('  tags.site === 3', 40), { words: "unexpected '='", column: 14 });
  assert.deepEqual(at('SELECT x FROM', 13), { words: "unexpected '='", column: 13 });
  assert.deepEqual(queryError('ErrorCode:X;something else', askedOf('a = 1'), 'a = 1'), { words: 'something else' });
});

test('completion knows the paths of the rows, and writes names with a dash in brackets', () => {
  const twins = [
    {
      tags: { site: 'w', 'my-tag': 1, 'no good': 1 },
      properties: { reported: { fan: { speed: 1 }, $metadata: { x: 1 } }, desired: { a: [1] } },
    },
  ];
  assert.deepEqual(pathsIn(twins), ['properties.desired.a', 'properties.reported.fan.speed', 'tags.[[my-tag]]', 'tags.site']);
});
