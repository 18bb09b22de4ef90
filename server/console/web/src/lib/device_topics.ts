// What a device says to IoT Hub and hears of it, by topic. Source: azure-docs iot-mqtt-connect-to-iot-hub.
import { isObject, same, withoutHubMembers, type Json, type JsonObject } from './json';

export type Heard =
  | { kind: 'answer'; status: number; rid: string; version: string; payload: string }
  | { kind: 'desired'; version: string; payload: string }
  | { kind: 'method'; name: string; rid: string; payload: string }
  | { kind: 'message'; payload: string };

const behind = (topic: string, prefix: string) => (topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined);
const valueOf = (bag: string, name: string) => new URLSearchParams(bag.slice(bag.indexOf('?') + 1)).get(name) ?? '';

export function heard(topic: string, payload: string): Heard {
  const answer = behind(topic, '$iothub/twin/res/');
  if (answer !== undefined)
    return { kind: 'answer', status: parseInt(answer, 10), rid: valueOf(answer, '$rid'), version: valueOf(answer, '$version'), payload };
  const delta = behind(topic, '$iothub/twin/PATCH/properties/desired/');
  if (delta !== undefined) return { kind: 'desired', version: valueOf(delta, '$version'), payload };
  const call = behind(topic, '$iothub/methods/POST/');
  if (call !== undefined) {
    const end = call.lastIndexOf('/?');
    return { kind: 'method', name: call.slice(0, end), rid: valueOf(call.slice(end), '$rid'), payload };
  }
  return { kind: 'message', payload };
}

export const filtersOf = (id: string): string[] => [
  '$iothub/twin/res/#',
  '$iothub/twin/PATCH/properties/desired/#',
  '$iothub/methods/POST/#',
  `devices/${id}/messages/devicebound/#`,
];

export const twinGet = (rid: string): string => `$iothub/twin/GET/?$rid=${rid}`;
export const reportedPatch = (rid: string): string => `$iothub/twin/PATCH/properties/reported/?$rid=${rid}`;
export const methodAnswer = (status: number, rid: string): string => `$iothub/methods/res/${status}/?$rid=${rid}`;

export function telemetry(id: string, properties: Record<string, string> = {}): string {
  const bag = Object.entries({ '$.ct': 'application/json', '$.ce': 'utf-8', ...properties });
  return `devices/${id}/messages/events/${bag.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')}`;
}

/** What is to be reported so that `reported` has what is desired; null where that is nothing. */
export function echoOf(desired: Json, reported: Json | undefined): JsonObject | null {
  const known = isObject(reported) ? reported : {};
  const own = isObject(desired) ? withoutHubMembers(desired) : {};
  const patch = Object.fromEntries(Object.entries(own).filter(([key, value]) => !Object.hasOwn(known, key) || !same(value, known[key])));
  return Object.keys(patch).length > 0 ? patch : null;
}

/** Of the device's own key, good for `seconds`. Needs a secure context: HTTPS or this machine. */
export async function sasToken(host: string, id: string, key: string, seconds: number): Promise<string> {
  const resource = encodeURIComponent(`${host}/devices/${id}`);
  const end = Math.floor(Date.now() / 1000) + seconds;
  const bytes = Uint8Array.from(atob(key), (character) => character.charCodeAt(0));
  const secret = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', secret, new TextEncoder().encode(`${resource}\n${end}`));
  const signature = btoa(String.fromCharCode(...new Uint8Array(mac)));
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${end}`;
}
