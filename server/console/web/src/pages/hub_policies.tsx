// Shared access policies; keys are read when somebody asks to see them, and forgotten when they are hidden; one at a time is renewed.
import { useSignal } from '@preact/signals';
import { call, get } from '../api';
import { useBusy, useLoad } from '../hooks';
import { info, may } from '../session';
import { t } from '../texts';
import { Command, Copy } from '../ui/copy';
import { Confirm } from '../ui/dialog';
import { Failure, Loading, Opens } from '../ui/parts';
import { DataTable } from '../ui/table';
import { Text } from '../ui/text';

interface Policy {
  name: string;
  rights: string[];
  keysShown: boolean;
}
interface Keys {
  primaryKey: string;
  secondaryKey: string;
}

function PolicyKeys({ policy }: { policy: Policy }) {
  const words = t.hubPage;
  const keys = useSignal<Keys | null>(null);
  const open = useSignal<'' | 'primary' | 'secondary'>('');
  const [busy, failed, run] = useBusy();
  if (!policy.keysShown) return <span class="muted">{words.keysRefused}</span>;
  const path = `/policies/${encodeURIComponent(policy.name)}`;
  const read = async () => {
    keys.value = await get<Keys>(path);
  };
  const show = () => void run(read);
  if (!keys.value)
    return (
      <div class="row">
        <span class="mono" aria-hidden="true">
          ••••••••
        </span>
        <button type="button" disabled={busy.value} aria-label={`${words.showKeys}: ${policy.name}`} onClick={show}>
          {words.showKeys}
        </button>
        <Failure of={failed.value} />
      </div>
    );
  const host = info.value?.hostNames?.[0] ?? 'localhost';
  const lines: [string, string][] = [
    [words.primary, keys.value.primaryKey],
    [words.secondary, keys.value.secondaryKey],
    [words.string, `HostName=${host};SharedAccessKeyName=${policy.name};SharedAccessKey=${keys.value.primaryKey}`],
  ];
  return (
    <div class="stack">
      {lines.map(([label, value]) => (
        <div class="row" key={label}>
          <span class="small">{label}</span>
          <code class="break">{value}</code>
          <Copy text={value} name={`${label}, ${policy.name}`} />
        </div>
      ))}
      <div class="row">
        <button
          type="button"
          onClick={() => {
            keys.value = null;
          }}
        >
          {words.hideKeys}
        </button>
        {may('RegistryRead', 'RegistryWrite') && (
          <>
            <Opens of={open} as="primary">
              {words.renewPrimary}
            </Opens>
            <Opens of={open} as="secondary">
              {words.renewSecondary}
            </Opens>
          </>
        )}
      </div>
      {open.value !== '' && (
        <Confirm
          title={open.value === 'primary' ? words.renewPrimary : words.renewSecondary}
          words={words.renewWords}
          name={policy.name}
          action={t.run}
          onClose={() => {
            open.value = '';
          }}
          onDo={async () => {
            await call('POST', path, { body: { renew: open.value } });
            await read();
          }}
        />
      )}
    </div>
  );
}

export function Policies() {
  const words = t.hubPage;
  const found = useLoad((signal) => get<{ policies: Policy[] }>('/policies', { signal }), []);
  return (
    <section class="panel" aria-label={words.policies}>
      <h2>{words.policies}</h2>
      <Loading of={found}>
        {({ policies }) => (
          <DataTable
            label={words.policies}
            rows={policies}
            keyOf={({ name }) => name}
            columns={[
              { head: words.name, isName: true, cell: ({ name }) => <Text of={name} /> },
              { head: words.rights, cell: ({ rights }) => rights.join(', ') || t.none },
              { head: words.keys, cell: (policy) => <PolicyKeys policy={policy} /> },
            ]}
          />
        )}
      </Loading>
      <Command line="twinhub policy list" />
    </section>
  );
}
