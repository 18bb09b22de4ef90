// The budgets of what a browser loads, that the build is repeatable, and that nothing of it breaks the console's policy.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'console-build-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function build(name) {
  const out = path.join(folder, name);
  const { status, stderr } = spawnSync(process.execPath, [path.join(web, 'build.mjs'), '--out', out], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const assets = fs
    .readdirSync(path.join(out, 'assets'))
    .sort()
    .map((file) => [file, fs.readFileSync(path.join(out, 'assets', file))]);
  return { html: fs.readFileSync(path.join(out, 'index.html')), assets };
}

const built = build('first');
const kib = (...files) => files.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0) / 1024;

test('what a browser loads stays within its budgets', () => {
  const text = built.html.toString();
  const first = built.assets.filter(([name]) => text.includes(name) || name.startsWith('chunk-'));
  assert.equal(first.filter(([name]) => name.startsWith('app-')).length, 2, 'one script and one style sheet at first');
  const named = (prefix) => built.assets.filter(([name]) => name.startsWith(prefix)).map(([, bytes]) => bytes);
  assert.ok(kib(built.html, ...first.map(([, bytes]) => bytes)) <= 60, 'first load');
  assert.equal(named('code-').length, 1);
  assert.ok(kib(...named('code-')) <= 140, 'editor');
  assert.equal(named('chart-').length, 1);
  assert.ok(kib(...named('chart-')) <= 26, 'charts');
  assert.ok(kib(built.html, ...built.assets.map(([, bytes]) => bytes)) <= 240, 'all');
});

test('two builds have the same bytes', () => {
  const again = build('second');
  assert.deepEqual(
    again.assets.map(([name]) => name),
    built.assets.map(([name]) => name),
  );
  assert.ok(again.html.equals(built.html));
  for (const [i, [name, bytes]] of again.assets.entries()) assert.ok(bytes.equals(built.assets[i][1]), name);
});

test('the page holds no inline script or style, and names nothing outside of the hub', () => {
  const text = built.html.toString();
  assert.doesNotMatch(text, /<style|style=|<script(?![^>]*\bsrc=)|\son\w+=/);
  for (const [, address] of text.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address, /^(\/console\/assets\/|data:image\/svg)/);
});

test('no source writes markup', () => {
  const sources = fs.readdirSync(path.join(web, 'src'), { recursive: true }).filter((name) => /\.tsx?$/.test(name));
  assert.ok(sources.length > 40);
  for (const name of sources) {
    assert.doesNotMatch(
      fs.readFileSync(path.join(web, 'src', name), 'utf8'),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/,
      name,
    );
  }
});

// WCAG 2.2, 1.4.3 and 1.4.11, of the colours that are used on each other.
test('the colours of both themes contrast', () => {
  const css = fs.readFileSync(path.join(web, 'src', 'tokens.css'), 'utf8');
  const tokens = Object.fromEntries(
    [...css.matchAll(/--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g)].map(([, name, light, dark, both]) => [
      name,
      [light ?? both, dark ?? both],
    ]),
  );
  const luminance = (hex) => {
    const [r, g, b] = [1, 3, 5]
      .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const grounds = ['page', 'surface', 'raised'];
  const pairs = [
    ...['text', 'muted', 'accent', 'ok', 'warn', 'bad', 'info'].flatMap((ink) => grounds.map((ground) => [ink, ground, 4.5])),
    ...['ok', 'warn', 'bad'].flatMap((tone) => [
      ['text', `${tone}-soft`, 4.5],
      [tone, `${tone}-soft`, 4.5],
      ['muted', `${tone}-soft`, 4.5],
    ]),
    ['on-accent', 'accent-strong', 4.5],
    ...['edge', 'focus', ...[1, 2, 3, 4, 5, 6].map((i) => `series-${i}`)].flatMap((line) => grounds.map((ground) => [line, ground, 3])),
  ];
  for (const [ink, ground, least] of pairs) {
    for (const [i, theme] of ['light', 'dark'].entries()) {
      const found = contrast(tokens[ink][i], tokens[ground][i]);
      assert.ok(found >= least, `${ink} on ${ground} (${theme}): ${found.toFixed(2)}, at least ${least}`);
    }
  }
});
