// One twin section by the checker's own counting: every write that it sent, which of them were acknowledged, and the
// highest version that any client has seen. After a crash the hub may be anywhere between the last acknowledged write and the last one
// sent, but nowhere else, and with exactly the content that the writes up to there make.
'use strict';

const assert = require('node:assert/strict');

// Merges as a twin does: null removes.
function merge(base, patch) {
  const result = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (typeof value === 'object') result[name] = merge(typeof result[name] === 'object' ? result[name] : {}, value);
    else result[name] = value;
  }
  return result;
}

class Ledger {
  constructor(name) {
    this.name = name;
    this.base = { version: 1, content: {} };  // verified after the last restart
    this.pending = [];  // writes sent since, in order: pending[0] makes version base.version + 1
    this.told = 1;  // highest version that was acknowledged, delivered or read
  }

  // Notes a write about to be sent; returns the version that the write will get.
  sent(patch) {
    this.pending.push(patch);
    return this.base.version + this.pending.length;
  }

  // A client has seen this version: the hub must not lose it any more.
  heard(version) {
    this.told = Math.max(this.told, version);
  }

  content_at(version) {
    return this.pending.slice(0, version - this.base.version).reduce(merge, this.base.content);
  }

  // Compares a section read after a restart, and goes on from there.
  settle(section) {
    const { $version: version, $metadata: metadata, ...content } = section;
    const sent = this.base.version + this.pending.length;
    assert.ok(version >= this.told, `${this.name}: version went back: ${version} read, ${this.told} was told`);
    assert.ok(version <= sent, `${this.name}: version ${version} read, only ${sent} was ever sent`);
    assert.deepEqual(content, this.content_at(version), `${this.name}: content of version ${version}`);
    if (metadata) check_metadata(this.name, content, metadata);
    this.base = { version, content };
    this.pending = [];
    this.told = version;
  }
}

// $metadata mirrors the section: the same names at every level, each with its $lastUpdated.
function check_metadata(name, value, metadata) {
  assert.match(metadata.$lastUpdated, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, name);
  const children = Object.keys(metadata).filter((key) => !key.startsWith('$')).sort();
  const members = value !== null && typeof value === 'object' ? Object.keys(value).sort() : [];
  assert.deepEqual(children, members, `${name}: $metadata`);
  for (const key of children) check_metadata(`${name}.${key}`, value[key], metadata[key]);
}

module.exports = { Ledger };
