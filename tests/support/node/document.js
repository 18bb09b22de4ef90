// The code blocks of a document that says of each whether it is run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..', '..');

// -> [{ line, language, text, is_run }] of the fenced blocks, in order. The last **(run)** or **(unverified)** between a
// block and the one before it is its mark; a block without one is an error.
function blocks_of(document) {
  const lines = fs.readFileSync(path.join(root, document), 'utf8').split('\n');
  const blocks = [];
  let mark;
  let open;
  lines.forEach((line, index) => {
    const fence = /^```(\w*)$/.exec(line);
    if (open && fence) {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = undefined;
      mark = undefined;
    } else if (open) {
      open.lines.push(line);
    } else if (fence) {
      if (mark === undefined) throw new Error(`${document}:${index + 1}: neither **(run)** nor **(unverified)** stands before this block`);
      open = { line: index + 1, language: fence[1], is_run: mark === '(run)', lines: [] };
    } else {
      mark = [...line.matchAll(/\*\*(\(run\)|\(unverified\))\*\*/g)].at(-1)?.[1] ?? mark;
    }
  });
  return blocks;
}

module.exports = { blocks_of };
