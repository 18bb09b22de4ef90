// What this hub is, what it was told, and whom it trusts.
import { useSignal } from '@preact/signals';
import { call, hubGet, loadInfo } from '../api';
import { now, useBusy, useLoad } from '../hooks';
import { bytes, count, duration, isTime } from '../lib/format';
import { info, may, session } from '../session';
import { t } from '../texts';
import type { Endpoint, Info } from '../types';
import { announce } from '../ui/announce';
import { Badge, type Tone } from '../ui/badge';
import { Command } from '../ui/copy';
import { Empty, Facts, Failure, Loading, Title } from '../ui/parts';
import { DataTable } from '../ui/table';
import { Text } from '../ui/text';
import { Clock } from '../ui/time';
import { Backup } from './hub_backup';
import { Policies } from './hub_policies';

interface Certificate {
  name: string;
  properties: { subject: string; expiry: string; thumbprint: string; isVerified: boolean };
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'off'];

function LogLevel({ level }: { level: string }) {
  const [busy, failed, run] = useBusy();
  const set = (next: string) =>
    void run(async () => {
      await call('PUT', '/log-level', { body: { level: next } });
      announce(t.hubPage.logChanged(next));
      await loadInfo();
    });
  return (
    <>
      <select aria-label={t.hubPage.log} value={level} disabled={busy.value} onChange={(event) => set(event.currentTarget.value)}>
        {levels.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <Failure of={failed.value} />
    </>
  );
}

function About({ hub }: { hub: Info }) {
  const words = t.hubPage;
  const ports = Object.entries(hub.ports ?? {})
    .filter(([, port]) => port > 0)
    .map(([name, port]) => `${name} ${port}`)
    .join(', ');
  return (
    <section class="panel" aria-label={words.about}>
      <h2>{words.about}</h2>
      <Facts
        facts={[
          [
            words.version,
            <span class="mono">
              {hub.version} {hub.commit}
            </span>,
          ],
          [words.uptime, isTime(hub.startedAt) ? duration((now.value - Date.parse(hub.startedAt)) / 1000) : '–'],
          [words.names, <Text of={(hub.hostNames ?? []).join(', ')} />],
          [words.ports, ports],
          [words.durability, hub.durability],
          [words.sku, hub.sku],
          [words.partitions, hub.partitions],
          [words.retention, hub.retentionHours === undefined ? '–' : words.hours(hub.retentionHours)],
          [words.log, may('RegistryWrite') ? <LogLevel level={hub.logLevel ?? 'info'} /> : hub.logLevel],
          [words.faults, hub.faults ? t.yes : t.no],
          [words.disk, hub.disk ? words.free(bytes(hub.disk.freeBytes), bytes(hub.disk.totalBytes)) : '–'],
        ]}
      />
    </section>
  );
}

const endpointTones: Record<Endpoint['state'], Tone> = { reached: 'ok', trying: 'none', failing: 'bad' };

function Endpoints({ hub }: { hub: Info }) {
  const words = t.hubPage;
  const endpoints = hub.endpoints ?? [];
  return (
    <section class="panel" aria-label={words.endpoints}>
      <h2>{words.endpoints}</h2>
      <DataTable
        label={words.endpoints}
        rows={endpoints}
        keyOf={({ name }) => name}
        empty={<Empty>{words.endpointsNone}</Empty>}
        columns={[
          { head: words.name, isName: true, cell: ({ name }) => <Text of={name} /> },
          {
            head: words.state,
            cell: ({ state, failingSince }) => (
              <Badge tone={endpointTones[state]}>
                {words.states[state]}
                {failingSince && (
                  <>
                    {' '}
                    {words.since} <Clock at={failingSince} />
                  </>
                )}
              </Badge>
            ),
          },
          { head: words.behind, number: true, cell: ({ lagEvents, lagSeconds }) => `${count(lagEvents)}, ${duration(lagSeconds)}` },
        ]}
      />
    </section>
  );
}

function Settings({ hub }: { hub: Info }) {
  const words = t.hubPage;
  const text = useSignal('');
  const onlySet = useSignal(false);
  if (!hub.settings) return null;
  const shown = hub.settings.filter(({ key, source }) => key.includes(text.value.trim()) && (!onlySet.value || source !== 'default'));
  return (
    <section class="panel" aria-label={words.settings}>
      <h2>{words.settings}</h2>
      <div class="row">
        <label class="inline">
          <span>{words.filter}</span>
          <input
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={onlySet.value}
            onChange={(event) => {
              onlySet.value = event.currentTarget.checked;
            }}
          />
          <span>{words.onlySet}</span>
        </label>
      </div>
      <DataTable
        label={words.settings}
        rows={shown}
        keyOf={({ key }) => key}
        columns={[
          { head: words.setting, isName: true, class: 'mono', cell: ({ key }) => key },
          { head: words.value, class: 'mono break', cell: ({ value }) => <Text of={value} /> },
          { head: words.source, cell: ({ source }) => <Text of={source} /> },
        ]}
      />
      <Command line="twinhub config" />
    </section>
  );
}

function Cas() {
  const words = t.hubPage;
  const cas = useLoad((signal) => hubGet<{ value: Certificate[] }>('/certificates', { signal }), []);
  return (
    <section class="panel" aria-label={words.cas}>
      <h2>{words.cas}</h2>
      <Loading of={cas}>
        {({ value }) => (
          <DataTable
            label={words.cas}
            rows={value}
            keyOf={({ name }) => name}
            empty={<Empty>{words.casNone}</Empty>}
            columns={[
              { head: words.name, isName: true, cell: ({ name }) => <Text of={name} /> },
              {
                head: words.state,
                cell: ({ properties: { isVerified } }) => (
                  <Badge tone={isVerified ? 'ok' : 'warn'}>{isVerified ? words.verified : words.unverified}</Badge>
                ),
              },
              { head: words.subject, class: 'break', cell: ({ properties }) => <Text of={properties.subject} /> },
              { head: words.until, cell: ({ properties }) => properties.expiry },
            ]}
          />
        )}
      </Loading>
      <Command line="twinhub certificate list" />
    </section>
  );
}

export function HubPage() {
  const words = t.hubPage;
  const found = useLoad(() => loadInfo(), []);
  const hub = info.value!;
  return (
    <>
      <Title text={t.pages.hub} />
      <Loading of={found}>
        {() => (
          <>
            <About hub={hub} />
            <section class="panel" aria-label={words.you}>
              <h2>{words.you}</h2>
              <Facts
                facts={[
                  [words.policy, session.value?.policy],
                  [words.rights, session.value?.rights.join(', ')],
                ]}
              />
            </section>
            {hub.certificate && (
              <section class="panel" aria-label={words.certificate}>
                <h2>{words.certificate}</h2>
                <Facts
                  facts={[
                    [words.subject, <Text of={hub.certificate.subject} />],
                    [words.names, <Text of={(hub.certificate.names ?? hub.hostNames ?? []).join(', ')} />],
                    [words.until, <Clock at={hub.certificate.notAfter} />],
                    ...(hub.ca
                      ? [
                          [
                            words.ca,
                            <>
                              <Text of={hub.ca.subject} />, SHA-256 <span class="mono">{hub.ca.sha256}</span>
                            </>,
                          ] as [string, preact.ComponentChildren],
                        ]
                      : []),
                  ]}
                />
              </section>
            )}
            <Endpoints hub={hub} />
            {may('RegistryRead') && <Policies />}
            {may('RegistryRead') && may('RegistryWrite') && <Backup />}
            {may('RegistryRead') && <Cas />}
            <Settings hub={hub} />
          </>
        )}
      </Loading>
    </>
  );
}
