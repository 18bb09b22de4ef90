// Automatic device management: configurations in the order in which they win.
import { useSignal } from '@preact/signals';
import { hub, hubGet, hubPath } from '../api';
import { useBusy, useLoad } from '../hooks';
import { count, shellQuoted } from '../lib/format';
import { isObject, pretty, type Json } from '../lib/json';
import { pathTo } from '../lib/routes';
import { go, place, setQuery } from '../router';
import { may } from '../session';
import { t } from '../texts';
import { Command } from '../ui/copy';
import { Confirm, Dialog } from '../ui/dialog';
import { JsonEditor } from '../ui/editor';
import { Area, DialogForm, Field } from '../ui/field';
import { Empty, Facts, Link, Loading, Opens, Title } from '../ui/parts';
import { DataTable } from '../ui/table';
import { Block, Text } from '../ui/text';
import { Clock } from '../ui/time';

interface Configuration {
  id: string;
  priority: number;
  targetCondition: string;
  content: Json;
  labels: Record<string, string> | null;
  createdTimeUtc: string;
  lastUpdatedTimeUtc: string;
  etag: string;
  systemMetrics: { results: Record<string, number>; queries: Record<string, string> };
  metrics: { results: Record<string, number>; queries: Record<string, string> };
}

const mayWrite = () => may('RegistryWrite', 'ServiceConnect');
const result = (configuration: Configuration, name: string) => {
  const value = configuration.systemMetrics.results[name];
  return value === undefined ? '–' : count(value);
};

function Edit({ old, onClose }: { old: Configuration | undefined; onClose: (saved: boolean) => void }) {
  const id = useSignal(old?.id ?? '');
  const priority = useSignal(String(old?.priority ?? 10));
  const target = useSignal(old?.targetCondition ?? '');
  const content = useSignal(pretty(old?.content ?? { deviceContent: { 'properties.desired.example': { value: 1 } } }));
  const metrics = useSignal(pretty(old?.metrics.queries ?? {}));
  const [busy, failed, run] = useBusy();
  const save = () =>
    void run(async () => {
      const read = (text: string) => {
        try {
          return JSON.parse(text) as Json;
        } catch {
          throw new Error(t.configurations.badJson);
        }
      };
      const name = id.value.trim();
      await hub('PUT', hubPath`/configurations/${name}`, {
        body: {
          ...(old ? { etag: old.etag } : {}),
          id: name,
          labels: old?.labels ?? null,
          content: read(content.value),
          targetCondition: target.value.trim(),
          priority: Number(priority.value),
          metrics: { queries: read(metrics.value) },
        },
        ...(old ? { headers: { 'if-match': `"${old.etag}"` } } : {}),
      });
      onClose(true);
    });
  return (
    <Dialog wide title={old ? t.configurations.edit : t.configurations.create} onClose={() => onClose(false)}>
      <DialogForm
        action={t.configurations.save}
        disabled={busy.value}
        failed={failed.value}
        onCancel={() => onClose(false)}
        onSubmit={save}
      >
        <div class="row bottom">
          <Field grow label={t.configurations.id} value={id} required maxLength={128} disabled={!!old} />
          <Field label={t.configurations.priority} value={priority} type="number" min={0} required />
        </div>
        <Field label={t.configurations.target} value={target} class="mono" spellcheck={false} placeholder="tags.site = 'west'" />
        <h3>{t.configurations.content}</h3>
        {/* The content of a configuration cannot be changed, only that of a new one. */}
        {old ? (
          <div class="code">
            <Block of={content.value} />
          </div>
        ) : (
          <JsonEditor
            options={{
              text: content.value,
              label: t.configurations.content,
              onChange: (text) => {
                content.value = text;
              },
              onSave: save,
            }}
          />
        )}
        <Area label={t.configurations.custom} value={metrics} rows={3} />
      </DialogForm>
    </Dialog>
  );
}

export function ConfigurationsPage() {
  const list = useLoad((signal) => hubGet<Configuration[]>('/configurations', { signal }), []);
  const creating = place.value.query.new !== undefined;
  return (
    <>
      <Title text={t.pages.configurations}>
        {mayWrite() && (
          <button type="button" class="primary" onClick={() => setQuery({ new: ' ' })}>
            {t.configurations.create}
          </button>
        )}
      </Title>
      <p class="muted">{t.configurations.hint}</p>
      <Loading of={list}>
        {(all) => (
          <DataTable
            label={t.configurations.table}
            rows={[...all].sort((a, b) => b.priority - a.priority || (a.createdTimeUtc < b.createdTimeUtc ? 1 : -1))}
            keyOf={(one) => one.id}
            empty={<Empty>{t.configurations.none}</Empty>}
            columns={[
              { head: t.configurations.priority, number: true, cell: (one) => one.priority },
              {
                head: t.configurations.id,
                isName: true,
                cell: (one) => (
                  <Link to={pathTo(['configurations', one.id])} row>
                    <Text of={one.id} />
                  </Link>
                ),
              },
              { head: t.configurations.target, class: 'mono break', cell: (one) => <Text of={one.targetCondition} /> },
              { head: t.configurations.targeted, number: true, cell: (one) => result(one, 'targetedCount') },
              { head: t.configurations.applied, number: true, cell: (one) => result(one, 'appliedCount') },
              { head: t.configurations.updated, cell: (one) => <Clock at={one.lastUpdatedTimeUtc} /> },
            ]}
          />
        )}
      </Loading>
      <Command line="twinhub configuration list" />
      {creating && (
        <Edit
          old={undefined}
          onClose={(saved) => {
            setQuery({ new: undefined });
            if (saved) list.reload();
          }}
        />
      )}
    </>
  );
}

export function ConfigurationPage({ id }: { id: string }) {
  const one = useLoad((signal) => hubGet<Configuration>(hubPath`/configurations/${id}`, { signal }), [id]);
  const open = useSignal<'' | 'edit' | 'delete'>('');
  const counts = (metrics: Configuration['metrics']) =>
    Object.keys(metrics.queries).map((name) => [
      <dt key={name}>
        <Text of={name} max={64} />
      </dt>,
      <dd>
        {metrics.results[name] === undefined ? '–' : count(metrics.results[name]!)}{' '}
        <code class="muted">
          <Text of={metrics.queries[name]!} />
        </code>
      </dd>,
    ]);
  return (
    <>
      <Title text={id}>
        <Link class="button" to={pathTo(['configurations'])}>
          {t.configurations.back}
        </Link>
        {mayWrite() && one.data && (
          <>
            <Opens of={open} as="edit">
              {t.configurations.edit}
            </Opens>
            <Opens danger of={open} as="delete">
              {t.delete}
            </Opens>
          </>
        )}
      </Title>
      <Loading of={one}>
        {(data) => (
          <>
            <section class="panel" aria-label={t.configurations.id}>
              <Facts
                facts={[
                  [t.configurations.priority, data.priority],
                  [
                    t.configurations.target,
                    <span class="mono">
                      <Text of={data.targetCondition} />
                    </span>,
                  ],
                  [t.configurations.updated, <Clock at={data.lastUpdatedTimeUtc} />],
                  ...(isObject(data.labels) ? [[t.configurations.labels, <Text of={JSON.stringify(data.labels)} />] as const] : []),
                ]}
              />
            </section>
            <section class="panel" aria-label={t.configurations.metrics}>
              <h2>{t.configurations.system}</h2>
              <dl class="facts">{counts(data.systemMetrics)}</dl>
              {Object.keys(data.metrics.queries).length > 0 && (
                <>
                  <h2>{t.configurations.custom}</h2>
                  <dl class="facts">{counts(data.metrics)}</dl>
                </>
              )}
            </section>
            <section class="panel" aria-label={t.configurations.content}>
              <h2>{t.configurations.content}</h2>
              <div class="code">
                <Block of={pretty(data.content)} />
              </div>
            </section>
            {open.value === 'edit' && (
              <Edit
                old={data}
                onClose={(saved) => {
                  open.value = '';
                  if (saved) one.reload();
                }}
              />
            )}
          </>
        )}
      </Loading>
      <Command line={`twinhub configuration show ${shellQuoted(id)}`} />
      {open.value === 'delete' && (
        <Confirm
          title={`${t.delete} ${id}`}
          words={t.configurations.deleteWords}
          name={id}
          action={t.delete}
          onClose={() => {
            open.value = '';
          }}
          onDo={async () => {
            await hub('DELETE', hubPath`/configurations/${id}`, { headers: { 'if-match': '*' } });
            go(pathTo(['configurations']));
          }}
        />
      )}
    </>
  );
}
