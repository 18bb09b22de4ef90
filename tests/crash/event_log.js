// The event log of a dead hub, read from its folder: is every telemetry message in it that was acknowledged?
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const partitions = 4;  // the setting's default

class EventLog {
  constructor(data_dir) {
    this.folder = path.join(data_dir, 'db');
    this.next = Array(partitions).fill(0);
  }

  // Every message acknowledged since the last check is there; nothing is there that was never sent. Between a life and the next.
  check(subjects) {
    const ran = spawnSync(process.env.TWINHUB_EVENT_READER, [this.folder, ...this.next.map(String)],
      { encoding: 'utf8', maxBuffer: 2 ** 30 });
    if (ran.error) throw ran.error;
    assert.equal(ran.status, 0, ran.stderr);
    const stored = new Map(subjects.map(({ id }) => [id, new Set()]));
    for (const line of ran.stdout.split('\n').filter(Boolean)) {
      const [partition, number, device, body] = line.split(' ');
      this.next[partition] = Math.max(this.next[partition], Number(number) + 1);
      stored.get(device)?.add(Number(body));
    }
    for (const subject of subjects) subject.check_telemetry(stored.get(subject.id));
  }
}

module.exports = { EventLog };
