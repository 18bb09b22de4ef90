// The twin: what was desired beside what was reported, and how far apart they are.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { hubGet, hubPath } from '../../api';
import { useLoad } from '../../hooks';
import { useKey } from '../../keys';
import { driftOf, type DriftRow } from '../../lib/drift';
import { member, pretty, withoutHubMembers } from '../../lib/json';
import { pathTo } from '../../lib/routes';
import { winnersOf, type Ranked, type Winner } from '../../lib/winners';
import { place, setQuery } from '../../router';
import { may } from '../../session';
import { t } from '../../texts';
import type { Twin } from '../../types';
import { Badge } from '../../ui/badge';
import { Command, Copy } from '../../ui/copy';
import { Empty, Link, Scroll } from '../../ui/parts';
import { Block, Text, Value } from '../../ui/text';
import { Ago, Since } from '../../ui/time';
import { curlOf } from '../curl';
import { driftTones } from '../state';
import { idFlags, twinPath, type DeviceContext } from './device';
import { TwinEditor, UndoBar } from './twin_edit';

function SetBy({ winner }: { winner: Winner | undefined }) {
  if (!winner) return null;
  return (
    <Link to={pathTo(['configurations', winner.id])} class="small">
      <Text of={t.twin.by(winner.id, winner.over)} max={100} />
    </Link>
  );
}

function StateCell({ row }: { row: DriftRow }) {
  if (row.branch && row.state === 'reported_only') return <></>;
  const words = t.drift[row.state];
  if (row.branch) return row.state === 'applied' ? <></> : <Badge tone={driftTones[row.state]!}>{words}</Badge>;
  return (
    <>
      <Badge tone={driftTones[row.state]!}>{words}</Badge>
      {(row.state === 'pending' || row.state === 'rejected' || row.state === 'diverged') && (
        <span class="small muted">
          {' '}
          <Since at={row.since} /> {row.version !== undefined && `(${t.drift.since(row.version)})`}
          {row.reason === 'not_reported' && `, ${t.drift.notReported}`}
        </span>
      )}
      {row.answer && (row.state === 'rejected' || row.answer.words) && (
        <div class="small">
          <Text of={t.drift.said(row.answer.code, row.answer.words)} />
        </div>
      )}
    </>
  );
}

/** Configurations that the twin has, and which of them has set what. */
function useWinners(twin: Twin): Map<string, Winner> {
  const names = Object.keys(twin.configurations ?? {}).slice(0, 20);
  const found = useLoad(
    (signal) => Promise.all(names.map((name) => hubGet<Ranked>(hubPath`/configurations/${name}`, { signal }).catch(() => undefined))),
    names,
  );
  return useMemo(() => winnersOf((found.data ?? []).filter((one): one is Ranked => one !== undefined)), [found.data]);
}

function DriftTable({ twin, metadata }: { twin: Twin; metadata: boolean }) {
  const winners = useWinners(twin);
  const drift = useMemo(() => driftOf(twin.properties), [twin]);
  if (drift.rows.length === 0) return <Empty>{t.twin.empty}</Empty>;
  const version = (section: unknown) => {
    const value = member(section, '$version');
    return typeof value === 'number' ? t.twin.version(value) : '';
  };
  const rows = drift.rows.slice(0, 1000);
  return (
    <Scroll label={t.twin.table}>
      <table class="drift">
        <thead>
          <tr>
            <th scope="col">{t.twin.property}</th>
            <th scope="col">
              {t.twin.desired} {version(twin.properties.desired)}
            </th>
            <th scope="col">
              {t.twin.reported} {version(twin.properties.reported)}
            </th>
            <th scope="col">{t.twin.state}</th>
            {metadata && <th scope="col">{t.twin.metadata}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={JSON.stringify(row.path)}>
              <th scope="row">
                <span class="key" style={{ '--depth': row.depth }}>
                  <Text of={row.path[row.depth]!} max={64} />
                </span>
              </th>
              <td>
                {row.branch ? null : <Value of={row.desired} />} <SetBy winner={winners.get(JSON.stringify(row.path))} />
              </td>
              <td>{row.branch && row.reported === undefined ? null : <Value of={row.reported} />}</td>
              <td>
                <StateCell row={row} />
              </td>
              {metadata && (
                <td class="small muted">
                  {row.since && (
                    <div>
                      {t.twin.desired} <Ago at={row.since} /> {row.version !== undefined && t.twin.version(row.version)}
                    </div>
                  )}
                  {row.reportedAt && (
                    <div>
                      {t.twin.reported} <Ago at={row.reportedAt} />
                    </div>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {drift.rows.length > rows.length && <p class="muted">{t.devices.shown(rows.length, true)}</p>}
    </Scroll>
  );
}

export function TwinTab({ context }: { context: DeviceContext }) {
  const twin = context.twin.data!;
  const editing = useSignal(false);
  const saved = useSignal<{ before: Twin; after: Twin } | null>(null);
  const metadata = useSignal(false);
  const view = place.value.query.view === 'json' ? 'json' : 'tree';
  const edit = () => {
    if (may('ServiceConnect')) editing.value = true;
  };
  useKey('e', edit);
  const configurations = Object.entries(twin.configurations ?? {})
    .map(([name, { status }]) => `${name} (${status})`)
    .join(', ');
  const tags = withoutHubMembers(twin.tags);
  const command = `twinhub twin show ${idFlags(context.target)}`;
  if (editing.value) {
    return (
      <TwinEditor
        context={context}
        onClose={(result) => {
          editing.value = false;
          if (result) saved.value = result;
          context.twin.reload();
        }}
      />
    );
  }
  return (
    <>
      {saved.value && (
        <UndoBar
          key={saved.value.after.etag}
          context={context}
          saved={saved.value}
          onDone={() => {
            saved.value = null;
          }}
        />
      )}
      {!context.connected && <p class="muted">{t.device.offline}</p>}
      <section class="panel" aria-label={t.twin.tags}>
        <div class="title">
          <h2>{t.twin.tags}</h2>
          <span class="muted small mono">
            {t.twin.etag} <Text of={twin.etag} />
          </span>
        </div>
        {Object.keys(tags).length === 0 ? (
          <Empty>{t.twin.noTags}</Empty>
        ) : (
          <dl class="facts">
            {Object.entries(tags).map(([key, value]) => [
              <dt key={key}>
                <Text of={key} max={64} />
              </dt>,
              <dd>
                <Value of={value} />
              </dd>,
            ])}
          </dl>
        )}
      </section>
      <section class="panel" aria-label={t.twin.table}>
        <div class="row">
          <div class="row" role="group" aria-label={t.twin.view}>
            <button type="button" aria-pressed={view === 'tree'} onClick={() => setQuery({ view: undefined })}>
              {t.twin.tree}
            </button>
            <button type="button" aria-pressed={view === 'json'} onClick={() => setQuery({ view: 'json' })}>
              {t.twin.json}
            </button>
          </div>
          {view === 'tree' && (
            <label class="inline">
              <input
                type="checkbox"
                checked={metadata.value}
                onChange={(event) => {
                  metadata.value = event.currentTarget.checked;
                }}
              />
              <span>{t.twin.metadata}</span>
            </label>
          )}
          {may('ServiceConnect') && (
            <button type="button" class="primary" onClick={edit}>
              {t.twin.edit}
            </button>
          )}
        </div>
        {configurations && (
          <p class="small break">
            <Text of={t.twin.setBy(configurations)} />
          </p>
        )}
        {twin.modelId && (
          <p class="small break">
            {t.twin.model}: <Text of={twin.modelId} />
          </p>
        )}
        {view === 'tree' ? (
          <DriftTable twin={twin} metadata={metadata.value} />
        ) : (
          <div class="code">
            <Block of={pretty(twin)} max={20_000} />
            <Copy text={() => pretty(twin)} />
          </div>
        )}
      </section>
      <Command line={command} curl={curlOf('GET', twinPath(context.target))} />
    </>
  );
}
