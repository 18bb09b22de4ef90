// node gzip.mjs IN OUT: as small as it gets, without name and time: the same file gives the same bytes.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const [from, to] = process.argv.slice(2);
writeFileSync(to, gzipSync(readFileSync(from), { level: 9 }));
