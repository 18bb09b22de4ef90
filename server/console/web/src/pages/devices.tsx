// The list of devices: a condition, filters, rows that change in place and never move by themselves.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { ApiError, get, hubGet, query, type Page } from '../api';
import { useLoad, useStream } from '../hooks';
import { shellQuoted } from '../lib/format';
import { askedOf, pathsIn, queryError, quoted, type Asked } from '../lib/query';
import { pathTo } from '../lib/routes';
import { place, setQuery } from '../router';
import { may } from '../session';
import { t } from '../texts';
import type { DeviceState, Notice, Pending, Twin } from '../types';
import { announce } from '../ui/announce';
import { Command } from '../ui/copy';
import { Empty, Link, Loading, Scroll, Title } from '../ui/parts';
import { Text } from '../ui/text';
import { pastConditions, rememberCondition, Where } from '../ui/where';
import { curlOf } from './curl';
import { Selection } from './devices_selection';
import { DeviceRow, ResultTable } from './devices_table';
import { mergeNotices } from './notices';

const pageRows = 100;
const rowsMax = 200;

type Filter = keyof typeof t.devices.filter;
const filters = Object.keys(t.devices.filter) as Filter[];

function and(query: string, condition: string): string {
  const at = query.indexOf(' WHERE ');
  return at < 0 ? `${query} WHERE ${condition}` : `${query.slice(0, at)} WHERE (${query.slice(at + 7)}) AND ${condition}`;
}

/** A filter puts the reader's condition in brackets. */
const withFilter = (asked: Asked, filter: Filter): Asked =>
  asked.kind === 'condition' && filter !== 'all' ? { ...asked, shift: asked.shift + 1 } : asked;

const inList = (ids: string[]) => (ids.length === 0 ? "deviceId = ''" : `deviceId IN [${ids.slice(0, 100).map(quoted).join(', ')}]`);

/** The reader's condition with the filter's own. */
async function filtered(query: string, filter: Filter, signal: AbortSignal): Promise<string> {
  switch (filter) {
    case 'all':
      return query;
    case 'connected':
      return and(query, "connectionState = 'Connected'");
    case 'disconnected':
      return and(query, "connectionState = 'Disconnected'");
    case 'disabled':
      return and(query, "status = 'disabled'");
    case 'pending': {
      let pending = await get<Pending>('/pending', { signal });
      for (let i = 0; i < 20 && (pending.counting || !pending.countedAt); i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        pending = await get<Pending>('/pending', { signal });
      }
      return and(query, inList([...new Set(pending.devices.map(({ deviceId }) => deviceId))]));
    }
    case 'refused': {
      const since = new Date(Date.now() - 3600_000).toISOString();
      const { notices } = await get<{ notices: Notice[] }>(`/connections?since=${encodeURIComponent(since)}&limit=1000`, { signal });
      return and(
        query,
        inList([...new Set(notices.filter(({ kind, id }) => kind === 'refused' && id).map(({ id }) => id.split('/')[0]!))]),
      );
    }
  }
}

export function DevicesPage() {
  const where = place.value.query.where ?? '';
  const filter = (filters.includes(place.value.query.filter as Filter) ? place.value.query.filter : 'all') as Filter;
  const tags = (place.value.query.tags ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean)
    .slice(0, 8);
  const draft = useSignal(where);
  useEffect(() => {
    draft.value = where;
  }, [where]);
  const asked = askedOf(where);
  const more = useSignal<Page<Twin>[]>([]);
  const busy = useSignal(false);
  const failed = useSignal<Error | undefined>(undefined);
  const statistics = useLoad(
    (signal) =>
      may('RegistryRead') ? hubGet<{ totalDeviceCount: number }>('/statistics/devices', { signal }) : Promise.resolve(undefined),
    [],
  );
  // How many there were when the list was read.
  const listed = useRef<number | undefined>(undefined);
  const total = statistics.data?.totalDeviceCount;
  listed.current ??= total;
  const changed = useSignal(false); // for whom may not count them
  const fresh = Math.max(0, (total ?? 0) - (listed.current ?? 0));
  const first = useLoad(
    async (signal) => {
      const text = asked.kind === 'select' ? asked.query : await filtered(asked.query, filter, signal);
      const page = await query<Twin>(text, { size: pageRows, signal });
      more.value = [];
      listed.current = undefined;
      changed.value = false;
      return { ...page, text };
    },
    [where, filter],
  );
  const pages = first.data ? [first.data, ...more.value] : [];
  const rows = pages.flatMap(({ items }) => items).slice(-rowsMax);
  const next = pages.at(-1)?.more;
  const isList = asked.kind !== 'select';

  const states = useSignal(new Map<string, DeviceState>());
  const notices = useSignal(new Map<string, Notice>());
  const selected = useSignal(new Set<string>());
  const lastPicked = useSignal('');
  const ids = rows.map(({ deviceId }) => deviceId);
  const wanted = isList && first.data && may('ServiceConnect') ? { topics: ['state', 'notices', 'figures'], devices: ids } : null;
  useStream(wanted, (event, data) => {
    if (event === 'state') {
      const map = new Map(states.value);
      for (const state of (data as { devices: DeviceState[] }).devices) {
        const old = map.get(state.deviceId);
        if (old?.exists && state.exists && old.connectionState !== state.connectionState)
          announce(`${state.deviceId} ${state.connectionState === 'Connected' ? t.state.connected : t.state.disconnected}`);
        map.set(state.deviceId, state);
      }
      states.value = map;
    }
    if (event === 'notices') notices.value = mergeNotices(notices.value, (data as { notices: Notice[] }).notices);
    // Not the events themselves: a stream of those reads the whole log to find the few.
    if (event === 'figures' && ((data as { values: Record<string, number | null> }).values.lifecycle_events ?? 0) > 0) {
      if (may('RegistryRead')) statistics.reload();
      else changed.value = true;
    }
  });
  const noticeList = useMemo(() => [...notices.value.values()], [notices.value]);

  const loadMore = async () => {
    if (!next || !first.data) return;
    busy.value = true;
    try {
      more.value = [...more.value, await query<Twin>(first.data.text, { size: pageRows, more: next })];
      failed.value = undefined;
    } catch (error) {
      failed.value = error as Error;
    } finally {
      busy.value = false;
    }
  };
  const select = (id: string, on: boolean, range: boolean) => {
    const set = new Set(selected.value);
    const from = range ? ids.indexOf(lastPicked.value) : -1;
    const to = ids.indexOf(id);
    const span = from < 0 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of span) on ? set.add(one) : set.delete(one);
    lastPicked.value = id;
    selected.value = set;
  };
  const error =
    first.error instanceof ApiError && first.error.status === 400
      ? queryError(first.error.message, withFilter(asked, filter), where)
      : undefined;
  const submit = (event: Event) => {
    event.preventDefault();
    rememberCondition(draft.value.trim());
    if (draft.value.trim() === where) first.reload();
    else setQuery({ where: draft.value.trim() });
  };
  const line =
    asked.kind === 'select'
      ? `twinhub query ${shellQuoted(asked.query)}`
      : asked.kind === 'all'
        ? 'twinhub device list'
        : `twinhub device list --where ${shellQuoted(asked.kind === 'words' ? asked.query.split(' WHERE ')[1]! : where.trim())}`;

  return (
    <>
      <Title text={t.pages.devices}>
        <Link class="button" to={pathTo(['connect'])}>
          {t.devices.create}
        </Link>
      </Title>
      <form class="row bottom" onSubmit={submit} role="search" aria-label={t.devices.whereHelp}>
        <Where
          label={t.devices.where}
          value={draft.value}
          onChange={(text) => {
            draft.value = text;
          }}
          paths={pathsIn(rows)}
          error={error}
        />
        <button type="submit" class="primary">
          {t.run}
        </button>
        <label>
          <span>{t.devices.history}</span>
          <select
            value=""
            onChange={(event) => {
              const text = event.currentTarget.value;
              if (text) setQuery({ where: text });
            }}
          >
            <option value="">{pastConditions().length === 0 ? t.devices.noHistory : '...'}</option>
            {pastConditions().map((text) => (
              <option key={text} value={text}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </form>
      {isList && (
        <div class="row" role="group" aria-label={t.devices.filters}>
          {filters
            .filter((name) => name !== 'pending' || may('ServiceConnect'))
            .map((name) => (
              <button
                key={name}
                type="button"
                class="chip"
                aria-pressed={filter === name}
                onClick={() => setQuery({ filter: name === 'all' ? undefined : name })}
              >
                {t.devices.filter[name]}
                {name === 'all' && statistics.data ? ` ${statistics.data.totalDeviceCount}` : ''}
              </button>
            ))}
          <label class="inline">
            <span>{t.devices.columns.tags}</span>
            <input
              size={14}
              value={place.value.query.tags ?? ''}
              placeholder="site, room"
              onChange={(event) => setQuery({ tags: event.currentTarget.value })}
            />
          </label>
        </div>
      )}
      {(fresh > 0 || changed.value) && (
        <div class="row">
          <span>{fresh > 0 ? t.devices.changed(fresh) : t.devices.registryChanged}:</span>
          <button type="button" onClick={first.reload}>
            {t.devices.refresh}
          </button>
        </div>
      )}
      {selected.value.size > 0 && (
        <Selection
          ids={[...selected.value]}
          rows={rows}
          onDone={() => {
            selected.value = new Set();
            first.reload();
          }}
        />
      )}
      {!error && (
        <Loading of={first}>
          {() =>
            isList ? (
              <>
                {rows.length === 0 ? (
                  <Empty>{t.devices.none}</Empty>
                ) : (
                  <Scroll label={t.devices.table}>
                    <table>
                      <thead>
                        <tr>
                          <td>
                            <input
                              type="checkbox"
                              aria-label={t.devices.selectAll}
                              checked={ids.every((id) => selected.value.has(id))}
                              onClick={(event) => {
                                selected.value = event.currentTarget.checked ? new Set(ids) : new Set();
                              }}
                            />
                          </td>
                          <th scope="col">{t.devices.columns.id}</th>
                          <th scope="col">{t.devices.columns.state}</th>
                          <th scope="col">{t.devices.columns.activity}</th>
                          <th scope="col">{t.devices.columns.twin}</th>
                          {tags.map((tag) => (
                            <th key={tag} scope="col">
                              <Text of={tag} />
                            </th>
                          ))}
                          <th scope="col" class="number">
                            {t.devices.columns.messages}
                          </th>
                          <th scope="col">{t.devices.columns.auth}</th>
                        </tr>
                      </thead>
                      <tbody>
                        {rows.map((twin) => (
                          <DeviceRow
                            key={twin.deviceId}
                            twin={twin}
                            state={states.value.get(twin.deviceId)}
                            notices={noticeList}
                            tags={tags}
                            selected={selected.value.has(twin.deviceId)}
                            onSelect={(on, range) => select(twin.deviceId, on, range)}
                          />
                        ))}
                      </tbody>
                    </table>
                  </Scroll>
                )}
                <div class="row">
                  <span class="muted" role="status">
                    {t.devices.shown(rows.length, !!next)}
                  </span>
                  {next && (
                    <button type="button" disabled={busy.value} onClick={() => void loadMore()}>
                      {t.devices.next}
                    </button>
                  )}
                  {more.value.length > 0 && (
                    <button type="button" onClick={first.reload}>
                      {t.devices.first}
                    </button>
                  )}
                  {failed.value && (
                    <span class="badge bad" role="alert">
                      {failed.value.message}
                    </span>
                  )}
                </div>
              </>
            ) : (
              <>
                <ResultTable rows={rows as unknown as Record<string, unknown>[]} />
                <div class="row">
                  <span class="muted" role="status">
                    {t.devices.rows(rows.length)}
                  </span>
                  {next && (
                    <button type="button" disabled={busy.value} onClick={() => void loadMore()}>
                      {t.devices.next}
                    </button>
                  )}
                </div>
              </>
            )
          }
        </Loading>
      )}
      <Command line={line} curl={curlOf('POST', '/devices/query', { query: first.data?.text ?? asked.query })} />
    </>
  );
}
