// The device, played by this page: for whoever has none at hand. It ends when the device's page is left.
import { get } from '../../api';
import { useBusy, useLoad } from '../../hooks';
import { shellQuoted } from '../../lib/format';
import { info } from '../../session';
import { madeBody, secondsMin, Simulated, type Entry, type Phase, type What } from '../../simulated';
import { t } from '../../texts';
import type { ConnectInfo } from '../../types';
import { Badge, type Tone } from '../../ui/badge';
import { Command } from '../../ui/copy';
import { Field } from '../../ui/field';
import { Empty, Failure, Loading, Note } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { Text } from '../../ui/text';
import { Clock } from '../../ui/time';
import type { DeviceContext } from './device';

const phaseTones: Record<Phase, Tone> = { connecting: 'none', connected: 'ok', waiting: 'warn', stopped: 'none' };
const badOnes: What[] = ['refused', 'lost', 'fault'];
const faults = ['KillTcp', 'ShutDownMqtt', 'InvokeThrottling', 'InvokeMaxMessageQuota', 'InvokeAuthError'];

function Entries({ entries }: { entries: Entry[] }) {
  const words = t.simulate;
  return (
    <DataTable
      label={words.did}
      rows={entries}
      keyOf={({ number }) => String(number)}
      empty={<Empty>{words.nothing}</Empty>}
      columns={[
        { head: words.time, cell: ({ at }) => <Clock at={at} /> },
        {
          head: words.what,
          cell: ({ what, name }) => (
            <>
              {badOnes.includes(what) ? <Badge tone="warn">{words.whats[what]}</Badge> : words.whats[what]} <Text of={name} max={64} />
            </>
          ),
        },
        { head: words.content, class: 'break mono', cell: ({ payload }) => <Text of={payload} max={200} /> },
      ]}
    />
  );
}

export function SimulateTab({ context }: { context: DeviceContext }) {
  const words = t.simulate;
  const found = useLoad((signal) => get<ConnectInfo>(`/connect/${encodeURIComponent(context.id)}`, { signal }), [context.id]);
  const [busy, failed, run] = useBusy();
  const { simulation } = context;
  const running = simulation.value;
  const phase = running?.phase.value ?? 'stopped';
  const start = (key: string) =>
    void run(async () => {
      if (!globalThis.isSecureContext) throw new Error(words.insecure);
      simulation.value ??= new Simulated({ host: info.value?.hostNames?.[0] ?? location.hostname, id: context.id, key });
      simulation.value.start();
    });
  return (
    <>
      <section class="panel" aria-label={words.title}>
        <h2>{words.title}</h2>
        <p class="muted">{words.hint}</p>
        {context.connected && phase === 'stopped' && (
          <Note tone="warn">
            <p>{words.already}</p>
          </Note>
        )}
        <Loading of={found}>
          {({ connectionStrings }) => {
            const key = /SharedAccessKey=([^;]+)/.exec(connectionStrings?.primary ?? '')?.[1];
            if (!key) return <Empty>{words.noKey}</Empty>;
            return (
              <div class="row">
                {phase === 'stopped' ? (
                  <button type="button" class="primary" disabled={busy.value} onClick={() => start(key)}>
                    {words.start}
                  </button>
                ) : (
                  <button type="button" onClick={() => running?.stop()}>
                    {words.stop}
                  </button>
                )}
                <span role="status">
                  <Badge tone={phaseTones[phase]}>{words.phases[phase]}</Badge>
                </span>
                {running && <span class="muted">{words.sentCount(running.sent.value)}</span>}
              </div>
            );
          }}
        </Loading>
        <Failure of={failed.value} />
        {running && (
          <div class="row bottom">
            <label>
              <span>{words.seconds}</span>
              <input
                type="number"
                min={secondsMin}
                max={3600}
                step="any"
                value={running.seconds.value}
                onInput={(event) => {
                  const seconds = event.currentTarget.valueAsNumber;
                  if (seconds >= secondsMin) running.seconds.value = seconds;
                }}
              />
            </label>
            <Field
              grow
              label={words.body}
              value={running.body}
              spellcheck={false}
              class="mono"
              placeholder={madeBody(running.sent.value + 1)}
            />
            <label>
              <span>{words.methodStatus}</span>
              <input
                type="number"
                min={0}
                max={599}
                value={running.methodStatus.value}
                onInput={(event) => {
                  const status = event.currentTarget.valueAsNumber;
                  if (status >= 0) running.methodStatus.value = status;
                }}
              />
            </label>
          </div>
        )}
      </section>
      {running && info.value?.faults && (
        <section class="panel" aria-label={words.faults}>
          <h2>{words.faults}</h2>
          <p class="muted">{words.faultsHint}</p>
          <div class="row">
            {faults.map((type) => (
              <button key={type} type="button" disabled={phase !== 'connected'} onClick={() => running.injectFault(type)}>
                {type}
              </button>
            ))}
          </div>
        </section>
      )}
      <section class="panel" aria-label={words.did}>
        <h2>{words.did}</h2>
        <Entries entries={running?.entries.value ?? []} />
      </section>
      <Command line={`twinhub device simulate ${shellQuoted(context.id)}`} />
    </>
  );
}
