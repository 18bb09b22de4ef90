// Jobs: a twin update or a method for every device that a condition selects, and what became of it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, hub, hubGet, hubPath, query } from '../api';
import { useBusy, useLoad, type Loaded } from '../hooks';
import { count, shellQuoted } from '../lib/format';
import { isObject, pretty, type Json } from '../lib/json';
import { quoted } from '../lib/query';
import { pathTo } from '../lib/routes';
import { go, place, setQuery } from '../router';
import { may } from '../session';
import { t } from '../texts';
import { Badge, type Tone } from '../ui/badge';
import { Command } from '../ui/copy';
import { Confirm, Dialog } from '../ui/dialog';
import { Area, Choice, DialogForm, Field } from '../ui/field';
import { Empty, Facts, Link, Loading, Note, Opens, Title } from '../ui/parts';
import { DataTable } from '../ui/table';
import { Block, Text } from '../ui/text';
import { Clock } from '../ui/time';

interface Job {
  jobId: string;
  type: string;
  status: string;
  queryCondition: string;
  createdTime: string;
  startTime: string | null;
  endTime: string | null;
  maxExecutionTimeInSeconds: number;
  failureReason: string | null;
  statusMessage: string | null;
  cloudToDeviceMethod: Json;
  updateTwin: Json;
  deviceJobStatistics?: { deviceCount: number; failedCount: number; succeededCount: number; runningCount: number; pendingCount: number };
}
interface DeviceJob {
  deviceId: string;
  moduleId?: string;
  status: string;
  startTimeUtc: string;
  endTimeUtc: string;
  error?: { code: string; description: string };
  outcome?: Json;
}

const tones: Record<string, Tone> = {
  completed: 'ok',
  failed: 'bad',
  cancelled: 'none',
  running: 'info',
  queued: 'none',
  scheduled: 'none',
};
const isOpen = (job: Job) => ['queued', 'running', 'scheduled', 'enqueued'].includes(job.status);
const pollMs = 1500;

/** While a job runs, it is read again and again. */
function usePolling(loaded: Loaded<unknown>, on: boolean): void {
  useEffect(() => {
    if (!on || loaded.loading) return undefined;
    const timer = setTimeout(() => {
      if (document.visibilityState === 'visible') loaded.reload();
    }, pollMs);
    return () => clearTimeout(timer);
  }, [loaded.data, loaded.loading, on]);
}

const Status = ({ of }: { of: string }) => <Badge tone={tones[of] ?? 'none'}>{of}</Badge>;

function outcomeOf({ error, outcome }: DeviceJob): string {
  if (error) return `${error.code} ${error.description}`;
  return outcome ? JSON.stringify(outcome) : '';
}

function Bar({ job }: { job: Job }) {
  const statistics = job.deviceJobStatistics;
  if (!statistics || statistics.deviceCount === 0) return <span class="muted">–</span>;
  const { deviceCount: all, succeededCount: ok, failedCount: bad } = statistics;
  const wait = Math.max(0, all - ok - bad);
  const part = (n: number) => ({ width: `${(100 * n) / all}%` });
  return (
    <>
      <div class="bar" aria-hidden="true">
        <div class="ok" style={part(ok)} />
        <div class="bad" style={part(bad)} />
        <div class="wait" style={part(wait)} />
      </div>
      <span class="small">{t.jobs.counts(ok, bad, wait)}</span>
    </>
  );
}

function NewJob({ condition, onClose }: { condition: string; onClose: () => void }) {
  const where = useSignal(condition);
  const kind = useSignal<'twin' | 'method'>('twin');
  const patch = useSignal('{\n  "properties": { "desired": { } }\n}');
  const name = useSignal('');
  const payload = useSignal('{}');
  const seconds = useSignal('3600');
  const selects = useSignal('');
  const [busy, failed, run] = useBusy();
  const asked = () => {
    const text = where.value.trim();
    if (!text) throw new Error(t.jobs.conditionNeeded);
    return text === '*' ? '' : text;
  };
  const countThem = () =>
    run(async () => {
      const text = asked();
      const { items } = await query<{ n: number }>(`SELECT COUNT() AS n FROM devices${text ? ` WHERE ${text}` : ''}`);
      const n = items[0]?.n ?? 0;
      selects.value = n === 1 ? '1 device' : `${count(n)} devices`;
    });
  const start = () =>
    void run(async () => {
      const id = `console-${Date.now().toString(36)}-${[...crypto.getRandomValues(new Uint8Array(4))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
      const parse = (text: string) => {
        try {
          return JSON.parse(text) as Json;
        } catch {
          throw new Error(t.twin.invalid);
        }
      };
      const common = {
        jobId: id,
        queryCondition: asked() || '*',
        startTime: new Date().toISOString(),
        maxExecutionTimeInSeconds: Number(seconds.value),
      };
      const body =
        kind.value === 'twin'
          ? { ...common, type: 'scheduleUpdateTwin', updateTwin: { ...(parse(patch.value) as object), etag: '*' } }
          : {
              ...common,
              type: 'scheduleDeviceMethod',
              cloudToDeviceMethod: { methodName: name.value.trim(), payload: parse(payload.value), responseTimeoutInSeconds: 30 },
            };
      await hub('PUT', hubPath`/jobs/v2/${id}`, { body });
      go(pathTo(['jobs', id]));
    });
  return (
    <Dialog title={t.jobs.create} onClose={onClose}>
      <DialogForm action={t.jobs.start} disabled={busy.value || !selects.value} failed={failed.value} onCancel={onClose} onSubmit={start}>
        <label>
          <span>{t.jobs.condition}</span>
          <input
            required
            class="mono"
            spellcheck={false}
            value={where.value}
            placeholder="tags.site = 'west'"
            onInput={(event) => {
              where.value = event.currentTarget.value;
              selects.value = '';
            }}
          />
        </label>
        <div class="row">
          <button type="button" onClick={() => void countThem()}>
            {t.jobs.count}
          </button>
          <span role="status">{selects.value && t.jobs.selects(selects.value)}</span>
        </div>
        <Choice
          label={t.jobs.kind}
          value={kind}
          options={[
            ['twin', t.jobs.types.scheduleUpdateTwin!],
            ['method', t.jobs.types.scheduleDeviceMethod!],
          ]}
        />
        {kind.value === 'twin' ? (
          <Area label={t.jobs.patch} value={patch} />
        ) : (
          <>
            <Field label={t.methods.name} value={name} required spellcheck={false} />
            <Area label={t.methods.payload} value={payload} />
          </>
        )}
        <Field label={t.jobs.seconds} value={seconds} type="number" min={1} max={172800} required />
      </DialogForm>
    </Dialog>
  );
}

export function JobsPage() {
  const jobs = useLoad(
    (signal) =>
      may('ServiceConnect')
        ? hub<Job[]>('GET', '/jobs/v2/query', { signal, headers: { 'x-ms-max-item-count': '100' } }).then(({ body }) => body)
        : Promise.reject(new ApiError(403, '', t.errors.noRight)),
    [],
  );
  usePolling(jobs, jobs.data?.some(isOpen) ?? false);
  const asked = place.value.query.new;
  return (
    <>
      <Title text={t.pages.jobs}>
        {may('ServiceConnect') && (
          <button type="button" class="primary" onClick={() => setQuery({ new: ' ' })}>
            {t.jobs.create}
          </button>
        )}
      </Title>
      <Loading of={jobs}>
        {(list) => (
          <DataTable
            label={t.jobs.table}
            rows={[...list].sort((a, b) => (a.createdTime < b.createdTime ? 1 : -1))}
            keyOf={(job) => job.jobId}
            empty={<Empty>{t.jobs.none}</Empty>}
            columns={[
              {
                head: t.jobs.id,
                isName: true,
                class: 'break',
                cell: (job) => (
                  <Link to={pathTo(['jobs', job.jobId])}>
                    <Text of={job.jobId} />
                  </Link>
                ),
              },
              { head: t.jobs.type, cell: (job) => t.jobs.types[job.type] ?? job.type },
              { head: t.jobs.status, cell: (job) => <Status of={job.status} /> },
              { head: t.jobs.devices, cell: (job) => <Bar job={job} /> },
              { head: t.jobs.created, cell: (job) => <Clock at={job.createdTime} /> },
            ]}
          />
        )}
      </Loading>
      <Command line="twinhub job list" />
      {asked !== undefined && <NewJob condition={asked.trim()} onClose={() => setQuery({ new: undefined })} />}
    </>
  );
}

export function JobPage({ id }: { id: string }) {
  const job = useLoad((signal) => hubGet<Job>(hubPath`/jobs/v2/${id}`, { signal }), [id]);
  usePolling(job, job.data ? isOpen(job.data) : false);
  const devices = useLoad(
    (signal) => query<DeviceJob>(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = ${quoted(id)}`, { size: 200, signal }),
    [id, job.data?.deviceJobStatistics, job.data?.status],
  );
  const cancelling = useSignal(false);
  return (
    <>
      <Title text={id}>
        <Link class="button" to={pathTo(['jobs'])}>
          {t.jobs.back}
        </Link>
        {job.data && isOpen(job.data) && (
          <Opens danger of={cancelling} as={true}>
            {t.jobs.cancel}
          </Opens>
        )}
      </Title>
      <Loading of={job}>
        {(data) => (
          <section class="panel" aria-label={t.jobs.id}>
            <Facts
              facts={[
                [
                  t.jobs.status,
                  <>
                    <Status of={data.status} /> {data.failureReason && <Text of={data.failureReason} />}
                  </>,
                ],
                [t.jobs.type, t.jobs.types[data.type] ?? data.type],
                [
                  t.jobs.condition,
                  <span class="mono">
                    <Text of={data.queryCondition || '*'} />
                  </span>,
                ],
                [t.jobs.created, <Clock at={data.createdTime} />],
                [t.jobs.ended, <Clock at={data.endTime} />],
                [t.jobs.devices, <Bar job={data} />],
              ]}
            />
            <div class="code">
              <Block of={pretty(isObject(data.updateTwin) ? data.updateTwin : data.cloudToDeviceMethod)} />
            </div>
          </section>
        )}
      </Loading>
      <section class="panel" aria-label={t.jobs.byDevice}>
        <h2>{t.jobs.byDevice}</h2>
        <Loading of={devices}>
          {({ items, more }) => (
            <>
              <DataTable
                label={t.jobs.byDevice}
                rows={[...items].sort((a, b) => Number(a.status === 'completed') - Number(b.status === 'completed'))}
                keyOf={(one) => `${one.deviceId}/${one.moduleId ?? ''}`}
                empty={<Empty>{t.jobs.outcomeNone}</Empty>}
                columns={[
                  {
                    head: t.devices.columns.id,
                    isName: true,
                    cell: (one) => (
                      <Link to={pathTo(['devices', one.deviceId])}>
                        <Text of={one.deviceId} max={128} />
                      </Link>
                    ),
                  },
                  { head: t.jobs.status, cell: (one) => <Status of={one.status} /> },
                  { head: t.jobs.ended, cell: (one) => <Clock at={one.endTimeUtc} /> },
                  { head: t.jobs.error, class: 'break', cell: (one) => <Text of={outcomeOf(one)} /> },
                ]}
              />
              {more && (
                <Note>
                  <p>{t.jobs.atLeast(items.length)}</p>
                </Note>
              )}
            </>
          )}
        </Loading>
      </section>
      <Command line={`twinhub job show ${shellQuoted(id)}`} />
      {cancelling.value && (
        <Confirm
          title={t.jobs.cancel}
          words={t.jobs.cancelWords}
          action={t.jobs.cancel}
          onClose={() => {
            cancelling.value = false;
          }}
          onDo={async () => {
            await hub('POST', hubPath`/jobs/v2/${id}/cancel`);
            job.reload();
          }}
        />
      )}
    </>
  );
}
