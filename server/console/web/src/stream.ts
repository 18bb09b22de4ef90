// One stream of the hub's changes per visible tab: browsers allow six connections per origin over HTTP/1.1. Parts of the
// page say what they want to see; their wishes become one request, opened again when they change.
import { signal } from '@preact/signals';
import { EventParser } from './lib/sse';
import { recover } from './api';
import { session } from './session';

export interface Wish {
  topics: string[];
  device?: string;
  devices?: string[];
  sources?: string[];
  from?: string;
  since?: string;
}

export type Handler = (event: string, data: unknown, id: string | undefined) => void;

interface Subscription {
  wish: Wish;
  handler: Handler;
}

export type StreamState = 'off' | 'connecting' | 'live' | 'reconnecting';
export const streamState = signal<StreamState>('off');
export const lastUpdate = signal(0); // performance.now()
/** Grows when the stream is back after a break: everything is read anew. */
export const epoch = signal(0);
/** Of the newest stream: a page of an older build offers a reload. */
export const streamBuild = signal('');

const hiddenMsMax = 10_000;
const silentMsMax = 45_000; // three pings are missing

const subscriptions = new Set<Subscription>();
let running: AbortController | null = null;
let wanted = '';
let positions: string | undefined; // of the events seen
let positionsOf = '';
let scheduled = false;
let broken = false;
let closedWhileHidden = false;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;

export function subscribe(wish: Wish, handler: Handler): () => void {
  const own = { wish, handler };
  subscriptions.add(own);
  schedule();
  return () => {
    subscriptions.delete(own);
    schedule();
  };
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    settle();
  }, 30);
}

function union(): Wish & { topics: string[] } {
  const all = [...subscriptions].map(({ wish }) => wish);
  const first = <K extends keyof Wish>(name: K) => all.find((wish) => wish[name] !== undefined)?.[name];
  const out: Wish = { topics: [...new Set(all.flatMap(({ topics }) => topics))].sort() };
  const devices = [...new Set(all.flatMap((wish) => wish.devices ?? []))].slice(0, 200);
  if (devices.length > 0) out.devices = devices;
  for (const name of ['device', 'sources', 'from', 'since'] as const) {
    const value = first(name);
    if (value !== undefined) Object.assign(out, { [name]: value });
  }
  return out;
}

function settle(): void {
  const wish = union();
  const text = session.value && wish.topics.length > 0 && !closedWhileHidden ? JSON.stringify(wish) : '';
  if (text === wanted) return;
  wanted = text;
  running?.abort();
  running = null;
  if (!text) {
    if (streamState.value !== 'reconnecting') streamState.value = 'off';
    return;
  }
  // Where the events are the same ones, they go on behind the last that was seen.
  const eventsKey = JSON.stringify([wish.topics.includes('events'), wish.device, wish.sources, wish.from]);
  if (eventsKey !== positionsOf) positions = undefined;
  positionsOf = eventsKey;
  running = new AbortController();
  void run(text, running);
}

session.subscribe(schedule);

async function run(body: string, control: AbortController): Promise<void> {
  let wait = 300;
  if (streamState.value !== 'reconnecting') streamState.value = streamState.value === 'live' ? 'live' : 'connecting';
  while (!control.signal.aborted) {
    let ended = false;
    try {
      ended = await read(body, control, () => {
        wait = 300;
        streamState.value = 'live';
        if (broken) {
          broken = false;
          epoch.value += 1;
        }
      });
    } catch {
      // the network, the hub: below
    }
    if (control.signal.aborted) return;
    broken = true;
    streamState.value = 'reconnecting';
    if (ended) {
      await recover().catch(() => undefined);
      if (!session.value) return;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 4000);
  }
}

/** Reads one stream to its end. True: the session has ended. */
async function read(body: string, control: AbortController, opened: () => void): Promise<boolean> {
  const own = new AbortController();
  const leave = () => own.abort();
  control.signal.addEventListener('abort', leave);
  let silence = setTimeout(leave, silentMsMax);
  try {
    const headers: Record<string, string> = {
      authorization: `Bearer ${session.value?.token ?? ''}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    };
    if (positions) headers['last-event-id'] = positions;
    const response = await fetch('/console/api/stream', {
      method: 'POST',
      headers,
      body,
      signal: own.signal,
      cache: 'no-store',
      credentials: 'omit',
    });
    if (response.status === 401) return true;
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    opened();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      clearTimeout(silence);
      silence = setTimeout(leave, silentMsMax);
      lastUpdate.value = performance.now();
      for (const event of parser.feed(value)) {
        const data: unknown = JSON.parse(event.data);
        if (event.event === 'end') return (data as { why?: string }).why === 'session';
        deliver(event.event, data, event.id);
      }
    }
  } finally {
    clearTimeout(silence);
    control.signal.removeEventListener('abort', leave);
    own.abort();
  }
}

const logged = ['DeviceMessages', 'TwinChangeEvents', 'DeviceLifecycleEvents', 'DeviceConnectionStateEvents'];

function deliver(name: string, data: unknown, id: string | undefined): void {
  if (name === 'hello') {
    const { build, from } = data as { build?: string; from?: string };
    streamBuild.value = build ?? '';
    positions ??= from;
    return;
  }
  const isEvent = logged.includes(name);
  if (isEvent && id) positions = id;
  const topic = isEvent || name === 'gap' ? 'events' : name;
  for (const { wish, handler } of subscriptions) {
    if (wish.topics.includes(topic)) handler(name, data, id);
  }
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(hiddenTimer);
  if (document.visibilityState === 'hidden') {
    hiddenTimer = setTimeout(() => {
      closedWhileHidden = true;
      broken = true;
      schedule();
    }, hiddenMsMax);
  } else {
    closedWhileHidden = false;
    schedule();
  }
});
