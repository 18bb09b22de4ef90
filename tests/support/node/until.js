// Waiting in tests: for a condition, never for a time. The timeout only bounds a failure, so it is far beyond what a busy machine with a slow
// disk takes.
'use strict';

const patience_ms = 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls `condition` (sync or async) until it returns something truthy, and returns that. What it throws ends the wait.
async function until(what, condition, { timeout_ms = patience_ms, every_ms = 20 } = {}) {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`timed out after ${timeout_ms} ms waiting for: ${what}`);
    await sleep(every_ms);
  }
}

// Settles with `promise`, or rejects when it takes too long.
function within(what, promise, timeout_ms = patience_ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${timeout_ms} ms waiting for: ${what}`)), timeout_ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

module.exports = { patience_ms, sleep, until, within };
