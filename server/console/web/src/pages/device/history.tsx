// How the twin came to be as it is, out of the event log: a timeline, and the difference of two of its points.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useStream } from '../../hooks';
import { isObject, pretty, withoutHubMembers, type JsonObject } from '../../lib/json';
import { applyPatch, changesOf } from '../../lib/patch';
import { t } from '../../texts';
import type { HubEvent } from '../../types';
import { Difference } from '../../ui/editor';
import { Empty, Scroll } from '../../ui/parts';
import { Text, Value } from '../../ui/text';
import { Ago, Clock } from '../../ui/time';
import { shellQuoted } from '../../lib/format';
import { Command } from '../../ui/copy';
import { eventKey } from '../events_feed';
import type { DeviceContext } from './device';

const keptMax = 1000;

function changeOf(event: HubEvent): JsonObject {
  if (!isObject(event.body)) return {};
  const out: JsonObject = {};
  if (isObject(event.body.tags)) out.tags = withoutHubMembers(event.body.tags);
  const properties = event.body.properties;
  for (const side of ['desired', 'reported'] as const) {
    if (isObject(properties) && isObject(properties[side])) out[side] = withoutHubMembers(properties[side]);
  }
  return out;
}

const isReplace = (event: HubEvent) => event.properties?.opType === 'replaceTwin';

/** What is known of the twin after the first `count` changes. */
function knownAfter(events: HubEvent[], count: number): JsonObject {
  return events
    .slice(0, count)
    .reduce<JsonObject>((known, event) => (isReplace(event) ? changeOf(event) : applyPatch(known, changeOf(event))), {});
}

export function HistoryTab({ context }: { context: DeviceContext }) {
  const hours = useSignal(1);
  const from = useMemo(() => new Date(Date.now() - hours.value * 3600_000).toISOString(), [hours.value]);
  const events = useSignal<HubEvent[]>([]);
  const picked = useSignal<{ a: string; b: string }>({ a: '', b: '' });
  const buffer = useRef<HubEvent[]>([]);
  useEffect(() => {
    events.value = [];
    buffer.current = [];
  }, [from]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (buffer.current.length === 0) return;
      const known = new Set(events.value.map(eventKey));
      events.value = [...events.value, ...buffer.current.filter((event) => !known.has(eventKey(event)))].slice(-keptMax);
      buffer.current = [];
    }, 200);
    return () => clearInterval(timer);
  }, []);
  useStream({ topics: ['events'], device: context.id, sources: ['TwinChangeEvents'], from }, (name, data) => {
    if (name === 'TwinChangeEvents') buffer.current.push(data as HubEvent);
  });
  const own = events.value.filter((event) => (event.moduleId ?? '') === (context.target.module ?? ''));
  const at = (key: string) => own.findIndex((event) => eventKey(event) === key);
  const points = [at(picked.value.a), at(picked.value.b)].sort((x, y) => x - y);
  const [first, second] = points as [number, number];
  return (
    <>
      <div class="row">
        <span>
          {t.history.reaches} <Clock at={from} />
        </span>
        <button
          type="button"
          onClick={() => {
            hours.value *= 6;
          }}
        >
          {t.history.earlier}
        </button>
        <span class="muted">{t.history.hint}</span>
      </div>
      <section class="panel" aria-label={t.history.title}>
        {own.length === 0 ? (
          <Empty>{t.history.none}</Empty>
        ) : (
          <Scroll label={t.history.title}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t.history.pick}</th>
                  <th scope="col">{t.methods.time}</th>
                  <th scope="col">{t.history.version}</th>
                  <th scope="col">{t.history.what}</th>
                </tr>
              </thead>
              <tbody>
                {[...own]
                  .reverse()
                  .slice(0, 200)
                  .map((event) => {
                    const key = eventKey(event);
                    const changes = changesOf(changeOf(event));
                    const version = isObject(event.body) ? event.body.version : undefined;
                    return (
                      <tr key={key}>
                        <td>
                          <div class="row">
                            {(['a', 'b'] as const).map((side) => (
                              <label class="inline" key={side}>
                                <input
                                  type="radio"
                                  name={`point-${side}`}
                                  aria-label={`${t.history[side]} ${version}`}
                                  checked={picked.value[side] === key}
                                  onChange={() => {
                                    picked.value = { ...picked.value, [side]: key };
                                  }}
                                />
                                <span class="small">{side.toUpperCase()}</span>
                              </label>
                            ))}
                          </div>
                        </td>
                        <td>
                          <Clock at={event.enqueuedTime} />{' '}
                          <span class="muted small">
                            <Ago at={event.enqueuedTime} />
                          </span>
                        </td>
                        <td>{typeof version === 'number' ? version : ''}</td>
                        <td class="break">
                          {isReplace(event) && <strong>{t.history.whole}</strong>}
                          {changes.slice(0, 8).map(({ path, value }) => (
                            <div key={path.join('\0')}>
                              <span class="mono">
                                <Text of={path.join('.')} max={100} />
                              </span>{' '}
                              = {value === undefined ? <span class="badge bad">{t.twin.removed}</span> : <Value of={value} max={80} />}
                            </div>
                          ))}
                          {changes.length > 8 && <span class="muted">+ {changes.length - 8}</span>}
                        </td>
                      </tr>
                    );
                  })}
              </tbody>
            </table>
          </Scroll>
        )}
      </section>
      {first >= 0 && second >= 0 && (
        <section class="panel" aria-label={t.history.difference}>
          <h2>{t.history.difference}</h2>
          {first === second ? (
            <p class="muted">{t.history.same}</p>
          ) : (
            <Difference
              a={{ text: pretty(knownAfter(own, first + 1)), label: t.history.a }}
              b={{ text: pretty(knownAfter(own, second + 1)), label: t.history.b }}
            />
          )}
        </section>
      )}
      <Command line={`twinhub events tail --from start --device ${shellQuoted(context.id)} --source TwinChangeEvents`} />
    </>
  );
}
