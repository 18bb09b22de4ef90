// Builds the console: index.html and assets/* with content hashes in their names. Same sources, same bytes.
//   node build.mjs [--out DIR]        default: ./dist
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import * as esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const flag = process.argv.indexOf('--out');
const out = path.resolve(flag < 0 ? path.join(here, 'dist') : process.argv[flag + 1]);
if (out === here || here.startsWith(out + path.sep)) throw new Error(`${out} holds the sources: it is not emptied`);

fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(path.join(out, 'assets'), { recursive: true });

const { metafile } = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: path.join(out, 'assets'),
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: { 'process.env.NODE_ENV': '"production"' },
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  metafile: true,
  logLevel: 'warning',
});

const outputs = Object.entries(metafile.outputs);
const [script, entry] = outputs.find(([, output]) => output.entryPoint === 'src/main.tsx');
const name = (file) => `/console/assets/${path.basename(file)}`;
const html = fs
  .readFileSync(path.join(here, 'src', 'index.html'), 'utf8')
  .replace('%SCRIPT%', name(script))
  .replace('%STYLE%', name(entry.cssBundle));
fs.writeFileSync(path.join(out, 'index.html'), html);
