import assert from 'node:assert/strict';
import test from 'node:test';
import * as format from '../src/lib/format';
import { encodeSegment, pathTo, placeOf } from '../src/lib/routes';
import { cut, piecesOf, visible } from '../src/lib/safe';
import { EventParser } from '../src/lib/sse';
import { brokenRules, countedBytes } from '../src/lib/twin_rules';

test('numbers, sizes and durations', () => {
  assert.deepEqual([0, 0.0042, 0.42, 9.61, 41.26, 412.4, 12345, 7.1e6].map(format.short), [
    '0',
    '0.004',
    '0.42',
    '9.61',
    '41.3',
    '412',
    '12.3 k',
    '7.1 M',
  ]);
  assert.deepEqual([0, 1023, 1024, 76235669504].map(format.bytes), ['0 B', '1023 B', '1 KiB', '71 GiB']);
  assert.deepEqual([0, 59, 61, 660, 7260, 266400, 8640000].map(format.duration), [
    '0 s',
    '59 s',
    '1 min 1 s',
    '11 min',
    '2 h 1 min',
    '3 d 2 h',
    '100 d',
  ]);
  assert.deepEqual([0.4, 2, 61, 7200, 90000].map(format.age), ['now', '2 s', '1 min', '2 h', '1 d']);
  assert.equal(format.isTime('0001-01-01T00:00:00Z'), false);
  assert.equal(format.isTime('2026-11-29T13:40:01.9081804Z'), true);
  assert.equal(format.utc('2026-11-29T13:40:01.9081804Z'), '2026-11-29 13:40:01 UTC');
  assert.equal(format.shellQuoted("it's $(rm)"), `'it'\\''s $(rm)'`);
  assert.equal(format.shellQuoted('pump-1'), 'pump-1');
});

test('a place has one address, and every id comes back', () => {
  for (const id of ['pump-7', 'a/b', 'ü %2F?#', '.', '..', '%2E', "it's", '<b>']) {
    const address = new URL(pathTo(['devices', id, 'twin']), 'http://h');
    assert.deepEqual(placeOf(address.pathname, address.search), { page: 'device', params: { id, tab: 'twin' }, query: {} });
  }
  assert.equal(encodeSegment('..'), '~..');
  assert.equal(pathTo(['devices'], { where: "a = '1'", tab: '' }), '/console/devices?where=a+%3D+%271%27');
  assert.deepEqual(placeOf('/console/devices', '?where=a+%3D+1').query, { where: 'a = 1' });
  assert.equal(placeOf('/console', '').page, 'overview');
  assert.equal(placeOf('/console/nothing', '').page, 'unknown');
  assert.equal(placeOf('/console/devices/%E0%A4%A', '').page, 'unknown');
  assert.equal(placeOf('/consoles', '').page, 'unknown');
});

test('characters that nobody sees, or that turn a text, stand as escapes', () => {
  assert.equal(visible('a\u202eb\u0000\n\u200b\ufeff'), 'a\\u{202e}b\\u{0}\\n\\u{200b}\\u{feff}');
  assert.equal(visible('\u2066x\u2069\u061c'), '\\u{2066}x\\u{2069}\\u{61c}');
  assert.equal(visible('\ud800x \u{e0041} \u{1f600} äß'), '\\u{d800}x \\u{e0041} \u{1f600} äß');
  assert.deepEqual(piecesOf('a\nb\u0007', { lines: true }), [
    { text: 'a\nb', escaped: false },
    { text: '\\u{7}', escaped: true },
  ]);
  assert.equal(visible('<b onclick="x">&amp;'), '<b onclick="x">&amp;');
});

test('a long text is cut between characters', () => {
  assert.deepEqual(cut('abcdef', 4), { text: 'abcd', rest: 2 });
  assert.deepEqual(cut('ab\u{1f600}cd', 3), { text: 'ab', rest: 4 });
  assert.deepEqual(cut('ab', 3), { text: 'ab', rest: 0 });
});

test('server-sent events, cut anywhere', () => {
  const text = ': ping\n\nid: 1,2\nevent: state\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\n';
  for (let at = 0; at <= text.length; at += 1) {
    const parser = new EventParser();
    const events = [...parser.feed(text.slice(0, at)), ...parser.feed(text.slice(at))];
    assert.deepEqual(
      events,
      [
        { event: 'state', data: '{"a":\n1}', id: '1,2' },
        { event: 'message', data: 'x', id: '1,2' },
      ],
      `cut at ${at}`,
    );
  }
});

test('the rules of a section, and its size as the hub counts', () => {
  const rules = (value: unknown) => brokenRules(value as never).map(({ path, rule }) => `${path.join('/')}:${rule}`);
  assert.deepEqual(rules({ a: 1, 'b.c': 2, $d: 3, 'e f': 4 }), ['b.c:key', '$d:key', 'e f:key']);
  assert.deepEqual(rules({ a: null, b: [null], c: 2 ** 52, d: 1.5e300, e: 'x'.repeat(4097) }), [
    'a:null',
    'b/0:null_in_array',
    'c:integer',
    'e:string_length',
  ]);
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { k: deep(levels - 1) });
  assert.deepEqual(rules(deep(11)), []);
  assert.deepEqual(rules(deep(12)).length, 1);
  assert.deepEqual(rules([]), [':object']);
  assert.equal(countedBytes({ ab: 'cd', n: 12345, t: true, z: [1, 'ü'], c: 'a\nb' }), 4 + 9 + 5 + 1 + 8 + 2 + 1 + 2);
});
