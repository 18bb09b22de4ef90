// Counts what devices sent, what the hub acknowledged and what arrived: every acknowledged event at least once, in order per
// device by first arrival. Its own rules are tested in checker.test.js.
'use strict';

const assert = require('node:assert/strict');

class Checker {
  constructor() {
    this.devices = new Map();
    this.duplicates = 0;
    this.arrived = 0;
    this.faults = [];
  }

  of(device) {
    if (!this.devices.has(device)) this.devices.set(device, { sent: 0, acknowledged: new Set(), seen: new Set(), highest: 0 });
    return this.devices.get(device);
  }

  // The number of the next event of `device`, from 1.
  next(device) {
    const entry = this.of(device);
    entry.sent += 1;
    return entry.sent;
  }

  acknowledged(device, number) { this.of(device).acknowledged.add(number); }

  received(device, number) {
    const entry = this.of(device);
    this.arrived += 1;
    if (entry.seen.has(number)) {
      this.duplicates += 1;
      return;
    }
    if (number > entry.sent) this.faults.push(`${device}: ${number} arrived, only ${entry.sent} were sent`);
    if (number < entry.highest) this.faults.push(`${device}: ${number} arrived first after ${entry.highest}`);
    entry.highest = Math.max(entry.highest, number);
    entry.seen.add(number);
  }

  // Acknowledged and not (yet) there.
  missing() {
    let count = 0;
    for (const { acknowledged, seen } of this.devices.values()) for (const number of acknowledged) count += seen.has(number) ? 0 : 1;
    return count;
  }

  total_acknowledged() {
    return [...this.devices.values()].reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  check({ duplicates_allowed }) {
    assert.deepEqual(this.faults, []);
    assert.equal(this.missing(), 0, 'acknowledged events are missing');
    if (!duplicates_allowed) assert.equal(this.duplicates, 0, 'duplicates without a failure');
  }
}

module.exports = { Checker };
