// Is the hub well? Five figures, and what needs somebody's attention.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { get, hubGet } from '../api';
import { now, useLoad, useStream } from '../hooks';
import { age, bytes, count, date, duration, isTime, plural, short } from '../lib/format';
import { pathTo } from '../lib/routes';
import { info, may } from '../session';
import { t } from '../texts';
import type { Figures, Info, Notice, Pending } from '../types';
import { Badge, type Tone } from '../ui/badge';
import { Link, Loading, Title } from '../ui/parts';
import { Spark } from '../ui/spark';
import { Text } from '../ui/text';
import { Ago } from '../ui/time';
import { mergeNotices } from './notices';

function Card({ label, big, small, children }: { label: string; big: string; small?: string; children?: ComponentChildren }) {
  return (
    <section class="panel" aria-label={label}>
      <h2 class="muted small">{label}</h2>
      <p>
        <span class="big">{big}</span> {small && <span class="muted">{small}</span>}
      </p>
      {children}
    </section>
  );
}

const dash = '–';

function Cards({
  figures,
  devices,
  latest,
}: {
  figures: Figures | undefined;
  devices: number | undefined;
  latest: Record<string, number | null>;
}) {
  const values = (name: string) => figures?.series.find((series) => series.name === name)?.values ?? [];
  const last = (name: string) => latest[name] ?? values(name).findLast((value) => value !== null) ?? undefined;
  const perSecond = (value: number | undefined) => (value === undefined ? dash : t.overview.perSecond(short(value)));
  const sum = (a: number | null | undefined, b: number | null | undefined) => (a == null || b == null ? undefined : a + b);
  const updates = last('twin_updates');
  const connected = last('connected');
  const commit = last('commit_p99_seconds');
  const free = last('disk_free_bytes') ?? info.value?.disk?.freeBytes;
  const total = last('disk_total_bytes') ?? info.value?.disk?.totalBytes;
  const words = t.overview;
  return (
    <div class="cards whole">
      <Card
        label={words.connected}
        big={connected === undefined ? dash : count(connected)}
        {...(devices === undefined ? {} : { small: words.of(devices) })}
      >
        <Spark label={words.connected} values={values('connected')} />
      </Card>
      <Card label={words.messages} big={perSecond(last('messages'))}>
        <Spark label={words.messages} values={values('messages')} />
      </Card>
      <Card
        label={words.twins}
        big={perSecond(sum(last('twin_reads'), updates))}
        {...(updates === undefined ? {} : { small: words.updates(short(updates)) })}
      >
        <Spark label={words.twins} values={values('twin_updates').map((value, i) => sum(value, values('twin_reads')[i]) ?? null)} />
      </Card>
      <Card label={words.commit} big={commit === undefined ? dash : `${short(commit * 1000)} ms`}>
        <Spark label={words.commit} values={values('commit_p99_seconds').map((value) => (value === null ? null : value * 1000))} />
      </Card>
      <Card label={words.disk} big={free === undefined ? dash : bytes(free)}>
        {free !== undefined && total ? (
          <div class={`meter ${free / total < 0.1 ? 'bad' : ''}`} role="img" aria-label={`${Math.round((100 * (total - free)) / total)} %`}>
            <div style={{ width: `${(100 * (total - free)) / total}%` }} />
          </div>
        ) : null}
      </Card>
    </div>
  );
}

interface Matter {
  key: string;
  tone: Tone;
  words: ComponentChildren;
  to?: string;
}

function refusals(notices: Notice[]): Matter[] {
  const recent = notices.filter((notice) => notice.kind === 'refused' && now.value - Date.parse(notice.last) < 600_000);
  const matters: Matter[] = [];
  const byReason = (list: Notice[], withIds: boolean) => {
    const reasons = new Map<string, Map<string, number>>();
    for (const notice of list) {
      const ids = reasons.get(notice.reason) ?? new Map<string, number>();
      ids.set(notice.id, (ids.get(notice.id) ?? 0) + notice.count);
      reasons.set(notice.reason, ids);
    }
    return [...reasons]
      .map(([reason, ids]) => {
        const shown = [...ids]
          .sort((a, b) => b[1] - a[1])
          .slice(0, 4)
          .map(([id, times]) => `${id} ${times}×`);
        return withIds
          ? `${reason} (${shown.join(', ')}${ids.size > 4 ? ', ...' : ''})`
          : `${reason} ${[...ids.values()].reduce((a, b) => a + b, 0)}×`;
      })
      .join(', ');
  };
  const known = recent.filter(({ id }) => id !== '');
  if (known.length > 0) {
    const devices = new Set(known.map(({ id }) => id));
    const to =
      devices.size === 1
        ? pathTo(['devices', [...devices][0]!.split('/')[0]!, 'connection'])
        : pathTo(['connections'], { show: 'refused' });
    matters.push({ key: 'refused', tone: 'bad', to, words: <Text of={t.overview.refused(devices.size, byReason(known, true))} /> });
  }
  const unknown = recent.filter(({ id }) => id === '');
  if (unknown.length > 0) {
    const times = unknown.reduce((sum, notice) => sum + notice.count, 0);
    matters.push({
      key: 'strangers',
      tone: 'warn',
      to: pathTo(['connections'], { show: 'refused', device: '-' }),
      words: <Text of={t.overview.strangers(times, byReason(unknown, false))} />,
    });
  }
  return matters;
}

function mattersOf(notices: Notice[], pending: Pending | undefined, hub: Info, latest: Record<string, number | null>): Matter[] {
  const matters = refusals(notices);
  for (const endpoint of hub.endpoints ?? []) {
    const failing = endpoint.state === 'failing';
    if (!failing && endpoint.lagSeconds < 30) continue;
    matters.push({
      key: `endpoint ${endpoint.name}`,
      tone: 'bad',
      to: pathTo(['hub']),
      words: (
        <Text
          of={`${t.overview.behind(endpoint.name, endpoint.lagEvents, duration(endpoint.lagSeconds))}${failing ? `: ${t.overview.unreached}` : ''}`}
        />
      ),
    });
  }
  const [free, total] = [latest.disk_free_bytes ?? hub.disk?.freeBytes, latest.disk_total_bytes ?? hub.disk?.totalBytes];
  if (free && total && free / total < 0.05) matters.push({ key: 'disk', tone: 'bad', words: t.overview.disk_low(bytes(free)) });
  const end = hub.certificate?.notAfter;
  if (isTime(end) && Date.parse(end) - now.value < 30 * 86400_000)
    matters.push({ key: 'certificate', tone: 'warn', to: pathTo(['hub']), words: t.overview.certificate(date(new Date(end))) });
  if (pending) {
    const oldest = isTime(pending.oldest) ? ` (${t.overview.oldest(age((now.value - Date.parse(pending.oldest)) / 1000))})` : '';
    const to = pathTo(['devices'], { filter: 'pending' });
    if (pending.rejected > 0) matters.push({ key: 'rejected', tone: 'bad', to, words: t.overview.rejected(pending.rejected) });
    if (pending.pending > 0) matters.push({ key: 'pending', tone: 'warn', to, words: t.overview.pending(pending.pending) + oldest });
    if (pending.diverged > 0) matters.push({ key: 'diverged', tone: 'warn', to, words: t.overview.diverged(pending.diverged) });
  }
  return matters;
}

export function Overview() {
  const figures = useLoad((signal) => get<Figures>('/figures?range=15m', { signal }), []);
  const statistics = useLoad(
    (signal) =>
      may('RegistryRead') ? hubGet<{ totalDeviceCount: number }>('/statistics/devices', { signal }) : Promise.resolve(undefined),
    [],
  );
  const latest = useSignal<Record<string, number | null>>({});
  const notices = useSignal(new Map<string, Notice>());
  const pending = useSignal<Pending | undefined>(undefined);
  const live = useSignal<Figures | undefined>(undefined);
  useStream({ topics: ['figures', 'notices', ...(may('ServiceConnect') ? ['pending'] : [])] }, (event, data) => {
    if (event === 'figures') {
      const { values, time } = data as { values: Record<string, number | null>; time: string };
      latest.value = values;
      live.value = shifted(
        live.value?.endsAt && figures.data && live.value.endsAt >= figures.data.endsAt ? live.value : figures.data,
        values,
        time,
      );
    }
    if (event === 'notices') notices.value = mergeNotices(notices.value, (data as { notices: Notice[] }).notices);
    if (event === 'pending') pending.value = data as Pending;
  });
  const devices = statistics.data?.totalDeviceCount;
  const matters = mattersOf([...notices.value.values()], pending.value, info.value!, latest.value);
  const empty = devices === 0;
  return (
    <>
      <Title text={t.pages.overview} />
      {empty && (
        <section class="panel">
          <h2>{t.overview.first}</h2>
          <p>{t.overview.firstWords}</p>
          <div>
            <Link class="button" to={pathTo(['connect'])}>
              {t.overview.first}
            </Link>
          </div>
        </section>
      )}
      <Loading of={figures}>
        {(data) => <Cards figures={live.value ?? data} devices={devices ?? undefined} latest={latest.value} />}
      </Loading>
      <section class="panel">
        <h2>{t.overview.attention}</h2>
        {matters.length === 0 ? (
          <Badge tone="ok">{t.overview.calm}</Badge>
        ) : (
          <ul class="attention">
            {matters.map(({ key, tone, words, to }) => (
              <li key={key}>
                <Badge tone={tone}>{to ? <Link to={to}>{words}</Link> : words}</Badge>
              </li>
            ))}
          </ul>
        )}
        {pending.value?.countedAt && (
          <p class="muted small">
            {t.overview.counted} <Ago at={pending.value.countedAt} /> ({plural(pending.value.twins, 'twin', 'twins')})
          </p>
        )}
      </section>
    </>
  );
}

/** The range, one second on. */
function shifted(old: Figures | undefined, values: Record<string, number | null>, time: string): Figures | undefined {
  if (!old || time <= old.endsAt) return old;
  const steps = Math.max(1, Math.round((Date.parse(time) - Date.parse(old.endsAt)) / 1000 / old.stepSeconds));
  const series = old.series.map((one) => {
    const gaps = Array<null>(Math.min(steps - 1, one.values.length)).fill(null);
    return { ...one, values: [...one.values, ...gaps, values[one.name] ?? null].slice(-Math.max(one.values.length, 2)) };
  });
  return { ...old, endsAt: time, series };
}
