// Connecting a device: make it, say how it reaches the hub, hand out what it needs, and watch how far it comes.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { call, get, hub, hubPath } from '../api';
import { useBusy, useLoad, useStream } from '../hooks';
import { shellQuoted } from '../lib/format';
import { fill, fillForShell } from '../lib/recipe';
import { pathTo } from '../lib/routes';
import { visible } from '../lib/safe';
import { go, place, setQuery } from '../router';
import { may } from '../session';
import { t } from '../texts';
import type { ConnectInfo, Doctor, Recipe } from '../types';
import { Badge, type Tone } from '../ui/badge';
import { Command, Copy } from '../ui/copy';
import { Choice, Field } from '../ui/field';
import { Failure, Link, Loading, Note, Title } from '../ui/parts';
import { Block, Text } from '../ui/text';
import { newestFirst, NoticeList } from './notices';

const idRule = /^[A-Za-z0-9\-.%_*?!(),:=@$']{1,128}$/;

function Which({ id }: { id: string | undefined }) {
  const name = useSignal(id ?? '');
  const auth = useSignal<'sas' | 'certificateAuthority'>('sas');
  const [busy, failed, run] = useBusy();
  const create = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const wanted = name.value.trim();
      if (!idRule.test(wanted)) throw new Error(t.connectPage.badId);
      if (may('RegistryWrite') && !(await get<ConnectInfo>(`/connect/${encodeURIComponent(wanted)}`)).exists) {
        await hub('PUT', hubPath`/devices/${wanted}`, {
          body: { deviceId: wanted, ...(auth.value === 'sas' ? {} : { authentication: { type: auth.value } }) },
        });
      }
      go(pathTo(['connect', wanted]));
    });
  };
  return (
    <form class="panel" onSubmit={create}>
      <h2>{t.connectPage.which}</h2>
      <div class="row bottom">
        <Field label={t.connectPage.id} value={name} required spellcheck={false} autocomplete="off" maxLength={128} />
        <Choice
          label={t.connectPage.auth}
          value={auth}
          options={(['sas', 'certificateAuthority'] as const).map((kind) => [kind, t.auth[kind]!] as const)}
        />
        <button type="submit" class={id ? '' : 'primary'} disabled={busy.value}>
          {may('RegistryWrite') ? t.connectPage.create : t.connectPage.use}
        </button>
      </div>
      <Failure of={failed.value} />
    </form>
  );
}

const masked = (text: string) => text.replace(/(SharedAccessKey=)[^;"'\s]+/g, '$1****');

/** Keys are hidden on the screen; copying takes the text whole. */
function Code({ text, shown, name }: { text: string; shown: boolean; name: string }) {
  return (
    <div class="code">
      <Block of={shown ? text : masked(text)} max={20_000} />
      <Copy text={text} name={name} />
    </div>
  );
}

function Recipes({ connect, host, shown }: { connect: ConnectInfo; host: string; shown: boolean }) {
  const recipe: Recipe | undefined = connect.recipes.find(({ id }) => id === place.value.query.recipe) ?? connect.recipes[0];
  if (!recipe) return null;
  const string = fill(connect.connectionStrings?.primary ?? `HostName={host};DeviceId={deviceId};x509=true`, {
    host,
    deviceId: connect.deviceId,
  });
  const values = {
    host,
    deviceId: connect.deviceId,
    connectionString: string,
    key: /SharedAccessKey=(.*)$/.exec(string)?.[1] ?? '',
    mqttsPort: String(connect.ports.mqtts ?? 8883),
    httpsPort: String(connect.ports.https ?? 443),
  };
  const part = (text: string) => fillForShell(text, values);
  const code = (recipe.language === 'sh' ? fillForShell : fill)(recipe.code, values);
  const secretHidden = (text: string) => (shown || !values.key ? text : text.split(values.key).join('****'));
  return (
    <>
      <label class="inline">
        <span>{t.connectPage.recipe}</span>
        <select value={recipe.id} onChange={(event) => setQuery({ recipe: event.currentTarget.value })}>
          {connect.recipes.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <p class="row small">
        <Badge tone={recipe.tested ? 'ok' : 'none'}>{recipe.tested ? t.connectPage.tested : t.connectPage.untested}</Badge>
        <span class="muted">{recipe.otherPort ? t.connectPage.otherPort : t.connectPage.fixedPort}</span>
      </p>
      {recipe.install && (
        <section aria-label={t.connectPage.install}>
          <h3>{t.connectPage.install}</h3>
          <Code text={part(recipe.install)} shown={shown} name={t.connectPage.install} />
        </section>
      )}
      {recipe.trust && (
        <section aria-label={t.connectPage.first}>
          <h3>{t.connectPage.first}</h3>
          <Code text={part(recipe.trust)} shown={shown} name={t.connectPage.first} />
        </section>
      )}
      {recipe.code && (
        <section aria-label={t.connectPage.file}>
          <h3>
            {t.connectPage.file} <span class="mono">{recipe.file}</span>
          </h3>
          <div class="code">
            <Block of={secretHidden(code)} max={20_000} />
            <Copy text={code} name={recipe.file} />
          </div>
        </section>
      )}
      {recipe.run && (
        <section aria-label={t.connectPage.runIt}>
          <h3>{t.connectPage.runIt}</h3>
          <div class="code">
            <Block of={secretHidden(part(recipe.run))} max={20_000} />
            <Copy text={part(recipe.run)} name={t.connectPage.runIt} />
          </div>
        </section>
      )}
    </>
  );
}

const stepTones: Record<string, Tone> = { waiting: 'none', ok: 'ok', failed: 'bad' };

function DoctorPanel({ id }: { id: string }) {
  const since = useMemo(() => new Date().toISOString(), [id]);
  const doctor = useSignal<Doctor | null>(null);
  useStream({ topics: ['doctor'], device: id, since }, (_, data) => {
    doctor.value = data as Doctor;
  });
  const steps = doctor.value?.steps ?? [];
  const there = steps.length > 0 && steps.every(({ state }) => state === 'ok');
  return (
    <section class="panel" aria-label={t.connectPage.doctor(id)}>
      <h2>
        <Text of={there ? t.connectPage.reached(id) : t.connectPage.doctor(id)} />
      </h2>
      <div role="status">
        {there && (
          <Note tone="ok">
            <Link to={pathTo(['devices', id])}>{t.connectPage.toDevice}</Link>
          </Note>
        )}
        <ol class="steps">
          {steps.map(({ step, state, detail, reason, said }) => (
            <li key={step}>
              <Badge tone={stepTones[state] ?? 'none'}>
                {t.connectPage.steps[step] ?? step}: {t.connectPage.states[state] ?? state}
              </Badge>{' '}
              <span class="small">
                <Text of={[detail, reason, said].filter(Boolean).join(' · ')} />
              </span>
            </li>
          ))}
        </ol>
      </div>
      {doctor.value && doctor.value.notices.length > 0 && (
        <>
          <h3>{t.connectPage.seen}</h3>
          <NoticeList notices={newestFirst(doctor.value.notices)} named />
        </>
      )}
    </section>
  );
}

function downloadCa(): Promise<void> {
  return call<string>('GET', '/ca.pem').then(({ body }) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([body], { type: 'application/x-pem-file' }));
    link.download = 'ca.pem';
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

function Reach({ id }: { id: string }) {
  const connect = useLoad((signal) => get<ConnectInfo>(`/connect/${encodeURIComponent(id)}`, { signal }), [id]);
  const shown = useSignal(false);
  const [, failed, run] = useBusy();
  return (
    <>
      <Loading of={connect}>
        {(data) => {
          if (!data.exists)
            return (
              <Note tone="warn">
                <p>{t.connectPage.missing}</p>
              </Note>
            );
          const host =
            (
              data.hosts.find(({ name }) => name === place.value.query.host) ??
              data.hosts.find(({ preferred }) => preferred) ??
              data.hosts[0]
            )?.name ?? 'localhost';
          const string = data.connectionStrings && fill(data.connectionStrings.primary, { host });
          return (
            <>
              <section class="panel" aria-label={t.connectPage.host}>
                <h2>{t.connectPage.host}</h2>
                <label class="inline">
                  <span>{t.connectPage.hostHint}</span>
                  <select value={host} onChange={(event) => setQuery({ host: event.currentTarget.value })}>
                    {data.hosts.map(({ name }) => (
                      <option key={name} value={name}>
                        {visible(name)}
                      </option>
                    ))}
                  </select>
                </label>
                {string ? (
                  <>
                    <Code text={string} shown={shown.value} name={t.connectPage.string} />
                    <div>
                      <button
                        type="button"
                        aria-pressed={shown.value}
                        onClick={() => {
                          shown.value = !shown.value;
                        }}
                      >
                        {shown.value ? t.identity.hideKeys : t.identity.showKeys}
                      </button>
                    </div>
                  </>
                ) : (
                  <p class="muted">{t.connectPage.noKeys}</p>
                )}
              </section>
              <section class="panel" aria-label={t.connectPage.trust}>
                <h2>{t.connectPage.trust}</h2>
                {data.ca && (
                  <div class="row">
                    <span class="break">
                      {t.connectPage.ca}: <Text of={data.ca.subject} />, {t.connectPage.sha}{' '}
                      <span class="mono break">{data.ca.sha256}</span>
                    </span>
                    <button type="button" onClick={() => void run(downloadCa)}>
                      {t.connectPage.download}
                    </button>
                  </div>
                )}
                <Failure of={failed.value} />
                <Recipes connect={data} host={host} shown={shown.value} />
              </section>
              <DoctorPanel id={id} />
              <Command line={`twinhub connection-string --device ${shellQuoted(id)} --host-name ${shellQuoted(host)}`} />
            </>
          );
        }}
      </Loading>
    </>
  );
}

export function ConnectPage({ id }: { id: string | undefined }) {
  return (
    <>
      <Title text={t.pages.connect} />
      {may('RegistryRead') ? (
        <>
          <Which id={id} />
          {id && <Reach id={id} />}
        </>
      ) : (
        <p>{t.errors.noRight}</p>
      )}
    </>
  );
}
