// A device in the page, for whoever has none at hand: telemetry, desired properties taken over as reported ones, methods
// answered, messages acknowledged. It speaks MQTT over a WebSocket of the operations port, and is to the hub what any
// device is. As `twinhub device simulate`.
import { signal } from '@preact/signals';
import { apiVersion } from './api';
import { echoOf, filtersOf, heard, methodAnswer, reportedPatch, sasToken, telemetry, twinGet, type Heard } from './lib/device_topics';
import { isObject, member, type Json } from './lib/json';
import * as mqtt from './lib/mqtt';
import { session } from './session';
import { t } from './texts';

export type What = 'connected' | 'sent' | 'desired' | 'reported' | 'method' | 'message' | 'refused' | 'lost' | 'fault';

export interface Entry {
  number: number;
  at: string;
  what: What;
  name: string; // which one: a number, a method, a version
  payload: string;
}

export interface Login {
  host: string;
  id: string;
  key: string;
}

export type Phase = 'connecting' | 'connected' | 'waiting' | 'stopped';

export const secondsMin = 0.1;
const entriesMax = 200;
const keepAliveSeconds = 240;
const tokenSeconds = 3600;
const waitFirstMs = 500;
const waitLastMs = 10_000;
const stableMs = 10_000; // a connection that lasted this long: the next wait is a short one again

/** A temperature that rises and falls between 20.0 and 30.0. */
export function madeBody(number: number): string {
  const step = number % 40;
  return JSON.stringify({ messageId: number, temperature: 20 + Math.min(step, 40 - step) / 2 });
}

export class Simulated {
  readonly phase = signal<Phase>('stopped');
  readonly entries = signal<Entry[]>([]);
  readonly sent = signal(0);
  readonly seconds = signal(5); // between two messages
  readonly body = signal(''); // '' = made, another one each time
  readonly methodStatus = signal(200);

  private socket: WebSocket | undefined;
  private was = false;
  private waitMs = waitFirstMs;
  private readonly timers = new Map<'send' | 'ping' | 'open', ReturnType<typeof setTimeout>>();
  private lastEntry = 0;
  private lastRid = 0;
  private lastPacket = 0;
  private readonly patches = new Map<string, string>(); // reported, not answered yet; by their $rid

  constructor(private readonly login: Login) {}

  start(): void {
    if (this.phase.value !== 'stopped') return;
    this.was = false;
    void this.open();
  }

  stop(): void {
    this.phase.value = 'stopped';
    this.clearTimers();
    if (this.socket?.readyState === WebSocket.OPEN) this.write(mqtt.disconnect());
    this.socket?.close();
    this.socket = undefined;
  }

  /** A message that has the hub carry out a fault on this device (setting `faults`). */
  injectFault(type: string): void {
    this.tell('fault', type, '');
    this.publish(
      telemetry(this.login.id, {
        AzIoTHub_FaultOperationType: type,
        AzIoTHub_FaultOperationCloseReason: 'console',
        AzIoTHub_FaultOperationDelayInSecs: '0',
        AzIoTHub_FaultOperationDurationInSecs: '5',
      }),
      '{}',
      1,
    );
  }

  private async open(): Promise<void> {
    this.phase.value = 'connecting';
    this.patches.clear();
    const { host, id, key } = this.login;
    const token = await sasToken(host, id, key, tokenSeconds);
    if (this.phase.value !== 'connecting') return;
    const address = `${location.origin.replace(/^http/, 'ws')}/console/api/device`;
    const socket = new WebSocket(address, ['mqtt', `session.${session.value?.token ?? ''}`]);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    const reader = new mqtt.Reader();
    let opened = 0;
    socket.onopen = () => this.write(mqtt.connect(id, `${host}/${id}/?api-version=${apiVersion}`, token, keepAliveSeconds));
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      if (this.socket !== socket) return;
      try {
        for (const packet of reader.feed(new Uint8Array(data))) {
          if (packet.type === 'connack' && packet.code === 0) opened = performance.now();
          this.take(packet);
        }
      } catch {
        socket.close();
      }
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.clearTimers();
      if (opened > 0 && performance.now() - opened > stableMs) this.waitMs = waitFirstMs;
      if (this.phase.value === 'stopped') return;
      if (!this.was) {
        this.tell('refused', '', t.simulate.notOpened);
        this.phase.value = 'stopped';
        return;
      }
      if (opened > 0) this.tell('lost', '', '');
      this.phase.value = 'waiting';
      this.after('open', this.waitMs, () => void this.open());
      this.waitMs = Math.min(2 * this.waitMs, waitLastMs);
    };
  }

  private take(packet: mqtt.Packet): void {
    if (packet.type === 'connack') {
      if (packet.code === 0) return this.live();
      this.tell('refused', String(packet.code), '');
      if (!this.was)
        this.stop(); // at the first time a refusal is final
      else this.socket?.close();
    } else if (packet.type === 'publish') {
      if (packet.packetId !== undefined) this.write(mqtt.puback(packet.packetId));
      this.hear(heard(packet.topic, packet.payload));
    }
  }

  private live(): void {
    this.was = true;
    this.phase.value = 'connected';
    this.tell('connected', this.login.id, '');
    this.write(mqtt.subscribe(this.packetId(), filtersOf(this.login.id), 1));
    this.publish(twinGet('twin'), '');
    this.ping();
    this.send();
  }

  private send(): void {
    const number = this.sent.value + 1;
    const body = this.body.value.trim() || madeBody(number);
    this.publish(telemetry(this.login.id), body, 1);
    this.sent.value = number;
    this.tell('sent', String(number), body);
    this.after('send', Math.max(this.seconds.value, secondsMin) * 1000, () => this.send());
  }

  private hear(what: Heard): void {
    switch (what.kind) {
      case 'answer':
        return this.takeAnswer(what);
      case 'desired':
        this.tell('desired', `v${what.version}`, what.payload);
        return this.report(JSON.parse(what.payload) as Json, undefined);
      case 'method':
        this.tell('method', `${what.name} -> ${this.methodStatus.value}`, what.payload);
        return this.publish(methodAnswer(this.methodStatus.value, what.rid), what.payload);
      case 'message':
        return this.tell('message', '', what.payload);
    }
  }

  private takeAnswer({ status, rid, version, payload }: Extract<Heard, { kind: 'answer' }>): void {
    if (rid === 'twin') {
      if (status !== 200) return this.tell('refused', String(status), payload);
      const twin = JSON.parse(payload) as Json;
      const desired = member(twin, 'desired');
      this.tell('desired', `v${String(member(desired, '$version'))}`, JSON.stringify(desired));
      return this.report(desired, member(twin, 'reported'));
    }
    const patch = this.patches.get(rid);
    if (patch === undefined) return;
    this.patches.delete(rid);
    if (status === 204) this.tell('reported', `v${version}`, patch);
    else this.tell('refused', String(status), payload);
  }

  private report(desired: Json | undefined, reported: Json | undefined): void {
    const patch = isObject(desired) ? echoOf(desired, reported) : null;
    if (!patch) return;
    this.lastRid += 1;
    const text = JSON.stringify(patch);
    this.patches.set(String(this.lastRid), text);
    this.publish(reportedPatch(String(this.lastRid)), text);
  }

  private publish(topic: string, payload: string, qos: 0 | 1 = 0): void {
    this.write(mqtt.publish(topic, payload, qos === 1 ? this.packetId() : undefined));
  }

  private packetId(): number {
    this.lastPacket = (this.lastPacket % 0xffff) + 1;
    return this.lastPacket;
  }

  private write(bytes: Uint8Array): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  private ping(): void {
    this.write(mqtt.pingreq());
    this.after('ping', (keepAliveSeconds * 1000) / 4, () => this.ping());
  }

  private after(name: 'send' | 'ping' | 'open', ms: number, work: () => void): void {
    clearTimeout(this.timers.get(name));
    this.timers.set(name, setTimeout(work, ms));
  }

  private clearTimers(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private tell(what: What, name: string, payload: string): void {
    this.lastEntry += 1;
    const entry = { number: this.lastEntry, at: new Date().toISOString(), what, name, payload };
    this.entries.value = [entry, ...this.entries.value].slice(0, entriesMax);
  }
}
