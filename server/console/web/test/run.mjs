// Runs the unit tests: TypeScript bundled by esbuild into a folder of its own, then node:test.
//   node test/run.mjs
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import * as esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'console-test-'));
try {
  const tests = fs
    .readdirSync(here)
    .filter((name) => name.endsWith('.test.ts'))
    .sort();
  if (tests.length === 0) throw new Error('no test was found');
  await esbuild.build({
    entryPoints: tests.map((name) => path.join(here, name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const plain = fs
    .readdirSync(here)
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => path.join(here, name));
  const files = tests.map((name) => path.join(out, name.replace(/\.ts$/, '.mjs')));
  process.exitCode = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files, ...plain], { stdio: 'inherit' }).status ?? 1;
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}
