// The event log as it grows: the newest first, paused at will, thinned out when it is faster than anybody reads.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useStream } from '../hooks';
import { useKey } from '../keys';
import { isObject, pretty, type Json } from '../lib/json';
import { short } from '../lib/format';
import { pathTo } from '../lib/routes';
import { t } from '../texts';
import type { HubEvent } from '../types';
import { Copy } from '../ui/copy';
import { Empty, Link } from '../ui/parts';
import { Icon } from '../ui/icon';
import { Spark } from '../ui/spark';
import { Block, Text } from '../ui/text';
import { Clock } from '../ui/time';

const keptMax = 500;
const shownMax = 100;
const perSecondMax = 50;
const flushMs = 200;

export interface FeedWish {
  device?: string;
  sources?: string[];
  from: string;
}

export function startOf(name: string): string {
  return name === '5m' ? new Date(Date.now() - 300_000).toISOString() : name === 'start' ? 'start' : 'now';
}

export function useFeed(wish: FeedWish | null) {
  const events = useSignal<HubEvent[]>([]);
  const waiting = useSignal(0);
  const paused = useSignal(false);
  const sampled = useSignal(1);
  const lost = useSignal(0);
  const buffer = useRef<HubEvent[]>([]);
  const second = useRef({ at: 0, count: 0, seen: 0 });
  const key = JSON.stringify(wish);

  const clear = () => {
    buffer.current = [];
    events.value = [];
    waiting.value = 0;
    lost.value = 0;
  };
  useEffect(clear, [key]);
  const flush = () => {
    if (buffer.current.length === 0) return;
    waiting.value = paused.value ? buffer.current.length : 0;
    if (paused.value) return;
    events.value = [...buffer.current.reverse(), ...events.value].slice(0, keptMax);
    buffer.current = [];
  };
  useEffect(() => {
    const timer = setInterval(flush, flushMs);
    return () => clearInterval(timer);
  }, []);
  useStream(wish ? { topics: ['events'], ...wish } : null, (name, data, id) => {
    if (name === 'gap') {
      const { from, to } = data as { from: number; to: number };
      lost.value += to - from;
      return;
    }
    const now = performance.now();
    if (now - second.current.at > 1000) {
      sampled.value = Math.max(1, Math.ceil(second.current.count / perSecondMax));
      second.current = { at: now, count: 0, seen: 0 };
    }
    second.current.count += 1;
    if (second.current.count % sampled.value !== 0) return;
    if (++second.current.seen > perSecondMax * 2) return;
    const event = data as HubEvent;
    buffer.current.push({ ...event, source: event.source ?? name, ...(id ? { id } : {}) });
    if (buffer.current.length > keptMax) buffer.current.shift();
  });
  const toggle = () => {
    paused.value = !paused.value;
    if (!paused.value) flush();
  };
  useKey('p', toggle);
  return { events, waiting, paused, sampled, lost, toggle, clear };
}

export type Feed = ReturnType<typeof useFeed>;

export function FeedBar({ feed, shown }: { feed: Feed; shown: HubEvent[] }) {
  return (
    <>
      <div class="row">
        <button type="button" aria-pressed={feed.paused.value} onClick={feed.toggle}>
          <Icon name={feed.paused.value ? 'play' : 'pause'} />
          {feed.paused.value ? t.goOn : t.pause}
        </button>
        {feed.paused.value && feed.waiting.value > 0 && <span>{t.live.waiting(feed.waiting.value)}</span>}
        <button type="button" onClick={feed.clear}>
          {t.live.clear}
        </button>
        <Copy label={t.live.copyLines} text={() => shown.map(({ id: _, ...event }) => JSON.stringify(event)).join('\n')} />
        {feed.sampled.value > 1 && <span class="badge warn">{t.live.sampled(feed.sampled.value)}</span>}
      </div>
      {feed.lost.value > 0 && <p class="badge warn">{t.live.gap(feed.lost.value)}</p>}
    </>
  );
}

/** Bodies that are no text come in base 64: as hex, sixteen bytes a line. */
export function hexOf(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && at < 4096; at += 16) {
    lines.push(
      `${at.toString(16).padStart(4, '0')}  ${[...bytes.slice(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`,
    );
  }
  return lines.join('\n') + (bytes.length > 4096 ? '\n...' : '');
}

export function bodyText(event: HubEvent): string {
  if (event.bodyBase64 !== undefined) return `(${t.live.bytes(Math.floor((event.bodyBase64.length * 3) / 4))})`;
  return typeof event.body === 'string'
    ? event.body
    : JSON.stringify(event.body ?? null, (key, value: unknown) => (key === '$metadata' ? undefined : value));
}

function Detail({ event }: { event: HubEvent }) {
  const raw = event.bodyBase64 !== undefined ? hexOf(event.bodyBase64) : typeof event.body === 'string' ? event.body : pretty(event.body);
  const { id: _, ...whole } = event;
  return (
    <div class="stack">
      <div class="code">
        <Block of={raw} />
        <Copy text={() => JSON.stringify(whole)} name={t.live.body} />
      </div>
      <div class="cards">
        {(
          [
            ['properties', event.properties],
            ['system', event.systemProperties],
          ] as const
        ).map(
          ([name, properties]) =>
            properties &&
            Object.keys(properties).length > 0 && (
              <section key={name} aria-label={t.live[name]}>
                <h3>{t.live[name]}</h3>
                <dl class="facts small">
                  {Object.entries(properties).map(([key, value]) => [
                    <dt key={key}>
                      <Text of={key} max={64} />
                    </dt>,
                    <dd>
                      <Text of={typeof value === 'string' ? value : JSON.stringify(value)} />
                    </dd>,
                  ])}
                </dl>
              </section>
            ),
        )}
      </div>
    </div>
  );
}

function Line({ event, named }: { event: HubEvent; named: boolean }) {
  const open = useSignal(false);
  return (
    <li>
      <div class="row">
        <Clock at={event.enqueuedTime} />
        <span class="muted">{t.live.sources[event.source] ?? event.source}</span>
        {named && (
          <Link to={pathTo(['devices', event.deviceId])}>
            <Text of={event.deviceId} max={80} />
          </Link>
        )}
        {event.moduleId && <Text of={event.moduleId} max={80} />}
        <button
          type="button"
          class="quiet small"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          {open.value ? t.hide : t.show}
        </button>
      </div>
      {open.value ? (
        <Detail event={event} />
      ) : (
        <code class="break">
          <Text of={bodyText(event)} max={240} />
        </code>
      )}
    </li>
  );
}

export const eventKey = (event: HubEvent) => `${event.partition}/${event.sequenceNumber}`;

export function EventList({ events, named }: { events: HubEvent[]; named: boolean }) {
  if (events.length === 0) return <Empty>{t.live.none}</Empty>;
  return (
    <>
      <ul class="events" aria-label={t.live.list}>
        {events.slice(0, shownMax).map((event) => (
          <Line key={eventKey(event)} event={event} named={named} />
        ))}
      </ul>
      <p class="muted small">{t.live.kept(Math.min(events.length, shownMax))}</p>
    </>
  );
}

/** Numbers of JSON bodies, by path: the newest last; six at most. */
export function numbersIn(events: HubEvent[]): [string, number[]][] {
  const found = new Map<string, number[]>();
  const visit = (value: Json | undefined, path: string, depth: number) => {
    if (typeof value === 'number') {
      const list = found.get(path) ?? [];
      if (found.size < 6 || found.has(path)) found.set(path, [...list, value]);
    } else if (isObject(value) && depth < 3) {
      for (const [key, child] of Object.entries(value)) visit(child, path ? `${path}.${key}` : key, depth + 1);
    }
  };
  for (const event of events.slice(0, 200).reverse()) {
    if (event.source === 'DeviceMessages') visit(event.body, '', 0);
  }
  return [...found].filter(([, values]) => values.length > 1);
}

export function Numbers({ events }: { events: HubEvent[] }) {
  const numbers = numbersIn(events);
  if (numbers.length === 0) return null;
  return (
    <section aria-label={t.live.numbers}>
      <div class="cards">
        {numbers.map(([path, values]) => (
          <div class="panel" key={path}>
            <h3 class="break">
              <Text of={path} max={64} />
            </h3>
            <p>
              <span class="big">{short(values.at(-1)!)}</span>
            </p>
            <Spark values={values} label={path} zero={false} />
          </div>
        ))}
      </div>
    </section>
  );
}

export function StartPicker({ value, onPick }: { value: string; onPick: (name: string) => void }) {
  return (
    <label class="inline">
      <span>{t.live.start}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {Object.entries(t.live.starts).map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
