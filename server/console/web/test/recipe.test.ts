import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fill, fillForShell } from '../src/lib/recipe';

test('a recipe takes the values of the device, and leaves other braces alone', () => {
  assert.equal(fill('{host}:{mqttsPort} { a } {b}', { host: 'hub', mqttsPort: '8883' }), 'hub:8883 { a } {b}');
  assert.equal(fill('{key}', {}), '{key}');
});

test('an id that is a command stays a text in a shell', () => {
  const id = "a'$(echo hurt)'!*(b)";
  assert.equal(
    execFileSync('sh', ['-c', fillForShell("printf %s 'devices/{deviceId}/x'", { deviceId: id })], { encoding: 'utf8' }),
    `devices/${id}/x`,
  );
});
