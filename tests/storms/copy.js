// A device's copy of its desired properties on one connection, kept as SDKs keep it: the twin it read, then every delta with a
// $version above it. And, per version, the content that any client was shown.
'use strict';

const assert = require('node:assert/strict');
const { isDeepStrictEqual } = require('node:util');

const is_object = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

// Null removes, objects merge, everything else replaces.
function merge(base, patch) {
  const result = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (is_object(value)) result[name] = merge(is_object(result[name]) ? result[name] : {}, value);
    else result[name] = value;
  }
  return result;
}

const split = ({ $version: version, $metadata: metadata, ...content }) => ({ version, content });

// The content seen of each version: in the back end's answers and in the device's copies, over all lives of the hub.
class Chronicle {
  constructor(name) {
    this.name = name;
    this.known = new Map();  // version -> { content, by }
    this.told = 0;  // the highest version that anybody heard of
    this.compared = 0;
  }

  note(section, by) {
    const { version, content } = split(section);
    this.told = Math.max(this.told, version);
    const other = this.known.get(version);
    if (!other) {
      this.known.set(version, { content, by });
      return;
    }
    this.compared += 1;
    if (isDeepStrictEqual(other.content, content)) return;
    assert.deepEqual(content, other.content, `${this.name}: version ${version} as ${by} has it, and as ${other.by} had it`);
  }
}

class Copy {
  constructor(chronicle) {
    this.chronicle = chronicle;
    this.name = chronicle.name;
    this.waiting = [];  // deltas before the twin was read
    this.last = null;  // version of the last delta on this connection
    this.version = 0;  // 0 = not read yet
  }

  // A twin is about to be read: it must be at least as new as every version seen so far.
  asks() {
    this.at_least = this.chronicle.told;
  }

  read(section) {
    ({ version: this.version, content: this.content } = split(section));
    assert.ok(this.version >= this.at_least, `${this.name}: version ${this.version} read, ${this.at_least} was told before`);
    this.chronicle.note(section, 'the twin');
    for (const delta of this.waiting) this.apply(delta);
    this.waiting = [];
  }

  delta(topic_version, delta) {
    assert.equal(delta.$version, topic_version, `${this.name}: the topic's $version and the body's`);
    if (this.last !== null) assert.equal(topic_version, this.last + 1, `${this.name}: follows the delta ${this.last} on one connection`);
    this.last = topic_version;
    if (this.version === 0) this.waiting.push(delta);
    else this.apply(delta);
  }

  apply(delta) {
    const { version, content } = split(delta);
    if (version <= this.version) return;
    assert.equal(version, this.version + 1, `${this.name}: a delta is lost: the copy is at ${this.version}`);
    this.version = version;
    this.content = merge(this.content, content);
    this.chronicle.note({ ...this.content, $version: version }, 'the copy');
  }
}

module.exports = { Chronicle, Copy };
