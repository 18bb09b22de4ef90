// A seeded source of randomness, so that a failing run can be repeated (mulberry32, public domain).
'use strict';

class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // [0, 1)
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  // Integer in [low, high].
  between(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }
}

module.exports = { Random };
