// The device's modules: each has an identity and a twin of its own.
import { useSignal } from '@preact/signals';
import { hub, hubGet, hubPath } from '../../api';
import { useBusy, useLoad } from '../../hooks';
import { pathTo } from '../../lib/routes';
import { may } from '../../session';
import { t } from '../../texts';
import type { Identity } from '../../types';
import { Command } from '../../ui/copy';
import { Confirm } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Empty, Failure, Link, Loading } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { Text } from '../../ui/text';
import { Ago } from '../../ui/time';
import { shellQuoted } from '../../lib/format';
import { StateBadge } from '../state';
import type { DeviceContext } from './device';

export function ModulesTab({ context }: { context: DeviceContext }) {
  const modules = useLoad((signal) => hubGet<Identity[]>(hubPath`/devices/${context.id}/modules`, { signal }), [context.id]);
  const name = useSignal('');
  const doomed = useSignal('');
  const [busy, failed, run] = useBusy();
  const create = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const id = name.value.trim();
      await hub('PUT', hubPath`/devices/${context.id}/modules/${id}`, { body: { deviceId: context.id, moduleId: id } });
      name.value = '';
      modules.reload();
    });
  };
  return (
    <>
      <section class="panel" aria-label={t.modules.table}>
        <Loading of={modules}>
          {(list) => (
            <DataTable
              label={t.modules.table}
              rows={list}
              keyOf={(module) => module.moduleId!}
              empty={<Empty>{t.modules.none}</Empty>}
              columns={[
                {
                  head: t.modules.id,
                  isName: true,
                  cell: (module) => (
                    <Link to={pathTo(['devices', context.id, 'twin'], { module: module.moduleId })}>
                      <Text of={module.moduleId!} max={128} />
                    </Link>
                  ),
                },
                {
                  head: t.modules.state,
                  cell: (module) => (
                    <StateBadge
                      id={`${context.id}/${module.moduleId}`}
                      notices={context.notices.values()}
                      of={{ status: 'enabled', connectionState: module.connectionState, since: module.connectionStateUpdatedTime }}
                    />
                  ),
                },
                { head: t.modules.activity, cell: (module) => <Ago at={module.lastActivityTime} /> },
                {
                  head: '',
                  cell: (module) =>
                    may('RegistryWrite') && (
                      <button
                        type="button"
                        class="danger"
                        aria-label={`${t.delete} ${module.moduleId}`}
                        onClick={() => {
                          doomed.value = module.moduleId!;
                        }}
                      >
                        {t.delete}
                      </button>
                    ),
                },
              ]}
            />
          )}
        </Loading>
        {may('RegistryWrite') && (
          <form class="row bottom" onSubmit={create}>
            <Field label={t.modules.name} value={name} required maxLength={128} />
            <button type="submit" disabled={busy.value}>
              {t.modules.create}
            </button>
          </form>
        )}
        <Failure of={failed.value} />
      </section>
      <Command line={`twinhub module list ${shellQuoted(context.id)}`} />
      {doomed.value && (
        <Confirm
          title={`${t.delete} ${doomed.value}`}
          words={t.modules.deleteWords}
          name={doomed.value}
          action={t.delete}
          onClose={() => {
            doomed.value = '';
          }}
          onDo={async () => {
            await hub('DELETE', hubPath`/devices/${context.id}/modules/${doomed.value}`, { headers: { 'if-match': '*' } });
            modules.reload();
          }}
        />
      )}
    </>
  );
}
