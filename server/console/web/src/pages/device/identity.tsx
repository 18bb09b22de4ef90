// Who the device is: status, keys (hidden until they are asked for), thumbprints.
import { useSignal } from '@preact/signals';
import { get, hub, hubGet, hubPath } from '../../api';
import { useBusy, useLoad } from '../../hooks';
import { pathTo } from '../../lib/routes';
import { shellQuoted } from '../../lib/format';
import { go } from '../../router';
import { may } from '../../session';
import { t } from '../../texts';
import type { ConnectInfo, Identity } from '../../types';
import { announce } from '../../ui/announce';
import { Command, Copy } from '../../ui/copy';
import { Confirm, Dialog } from '../../ui/dialog';
import { DialogForm, Field } from '../../ui/field';
import { Facts, Failure, Loading, Opens } from '../../ui/parts';
import { Text } from '../../ui/text';
import { Ago } from '../../ui/time';
import type { DeviceContext } from './device';

type Rotation = 'primary' | 'secondary' | 'swap';

function freshKey(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
}

export function IdentityTab({ context }: { context: DeviceContext }) {
  const path = hubPath`/devices/${context.id}`;
  const identity = useLoad((signal) => hubGet<Identity>(path, { signal }), [context.id]);
  const shown = useSignal(false);
  const open = useSignal<'' | Rotation | 'delete' | 'disable'>('');
  const reason = useSignal('');
  const [busy, failed, run] = useBusy();
  const close = () => {
    open.value = '';
  };

  /** Reads, changes, writes with If-Match. */
  const change = async (edit: (body: Identity) => Identity) => {
    const { body, headers } = await hub<Identity>('GET', path);
    await hub('PUT', path, { body: edit(body), headers: { 'if-match': headers.get('etag') ?? `"${body.etag}"` } });
    identity.reload();
    context.twin.reload();
    announce(t.identity.rotated);
  };
  const rotate = (what: Rotation) =>
    change((body) => {
      const keys = { ...body.authentication.symmetricKey };
      if (what === 'swap') [keys.primaryKey, keys.secondaryKey] = [keys.secondaryKey, keys.primaryKey];
      if (what === 'primary') keys.primaryKey = freshKey();
      if (what === 'secondary') keys.secondaryKey = freshKey();
      return { ...body, authentication: { ...body.authentication, symmetricKey: keys } };
    });
  const setStatus = (status: Identity['status'], why: string) => change((body) => ({ ...body, status, statusReason: why || null }));

  return (
    <Loading of={identity}>
      {(body) => {
        const keys = body.authentication.symmetricKey;
        const prints = body.authentication.x509Thumbprint;
        return (
          <>
            <section class="panel" aria-label={t.identity.title}>
              <Facts
                facts={[
                  [
                    t.identity.status,
                    <>
                      {body.status}
                      {body.statusReason && (
                        <>
                          : <Text of={body.statusReason} />
                        </>
                      )}
                    </>,
                  ],
                  [t.identity.created, <Ago at={body.statusUpdatedTime} empty="–" />],
                  [t.identity.connectionSince, <Ago at={body.connectionStateUpdatedTime} empty="–" />],
                  [t.identity.auth, t.auth[body.authentication.type] ?? body.authentication.type],
                  [t.identity.generation, <span class="mono">{body.generationId}</span>],
                  [t.identity.etag, <span class="mono">{body.etag}</span>],
                  [t.identity.edge, body.capabilities?.iotEdge ? t.yes : t.no],
                ]}
              />
              {may('RegistryWrite') && (
                <div class="row">
                  {body.status === 'enabled' ? (
                    <Opens of={open} as="disable">
                      {t.identity.disable}
                    </Opens>
                  ) : (
                    <button type="button" disabled={busy.value} onClick={() => void run(() => setStatus('enabled', ''))}>
                      {t.identity.enable}
                    </button>
                  )}
                  <Opens danger of={open} as="delete">
                    {t.identity.delete}
                  </Opens>
                </div>
              )}
              <Failure of={failed.value} />
            </section>
            {body.authentication.type === 'sas' && (
              <section class="panel" aria-label={t.identity.keys}>
                <h2>{t.identity.keys}</h2>
                {shown.value ? (
                  <dl class="facts">
                    {(
                      [
                        ['primary', keys.primaryKey],
                        ['secondary', keys.secondaryKey],
                      ] as const
                    ).map(([name, key]) => [
                      <dt key={name}>{t.identity[name]}</dt>,
                      <dd>
                        <span class="command">
                          <code>{key ?? t.none}</code>
                          {key && <Copy text={key} name={t.identity[name]} />}
                        </span>
                      </dd>,
                    ])}
                  </dl>
                ) : (
                  <p class="muted">{t.identity.keysHidden}</p>
                )}
                <div class="row">
                  <button
                    type="button"
                    aria-expanded={shown.value}
                    onClick={() => {
                      shown.value = !shown.value;
                    }}
                  >
                    {shown.value ? t.identity.hideKeys : t.identity.showKeys}
                  </button>
                  <ConnectionStringCopy id={context.id} />
                  {may('RegistryWrite') && (
                    <>
                      <Opens of={open} as="primary">
                        {t.identity.rotatePrimary}
                      </Opens>
                      <Opens of={open} as="secondary">
                        {t.identity.rotateSecondary}
                      </Opens>
                      <Opens of={open} as="swap">
                        {t.identity.swap}
                      </Opens>
                    </>
                  )}
                </div>
              </section>
            )}
            {body.authentication.type === 'selfSigned' && (
              <section class="panel" aria-label={t.identity.thumbprints}>
                <h2>{t.identity.thumbprints}</h2>
                <dl class="facts">
                  <dt>{t.identity.primary}</dt>
                  <dd class="mono">{prints.primaryThumbprint ?? t.none}</dd>
                  <dt>{t.identity.secondary}</dt>
                  <dd class="mono">{prints.secondaryThumbprint ?? t.none}</dd>
                </dl>
              </section>
            )}
            <Command line={`twinhub device show ${shellQuoted(context.id)}`} />
            {(open.value === 'primary' || open.value === 'secondary' || open.value === 'swap') && (
              <Confirm
                title={t.identity[open.value === 'swap' ? 'swap' : open.value === 'primary' ? 'rotatePrimary' : 'rotateSecondary']}
                words={t.identity.rotateWords}
                name={context.id}
                action={t.run}
                onClose={close}
                onDo={() => rotate(open.value as Rotation)}
              />
            )}
            {open.value === 'delete' && (
              <Confirm
                title={t.identity.delete}
                words={t.identity.deleteWords}
                name={context.id}
                action={t.delete}
                onClose={close}
                onDo={async () => {
                  await hub('DELETE', path, { headers: { 'if-match': '*' } });
                  go(pathTo(['devices']));
                }}
              />
            )}
            {open.value === 'disable' && (
              <Dialog title={t.identity.disableTitle} onClose={close}>
                <DialogForm
                  danger
                  action={t.identity.disable}
                  disabled={busy.value}
                  failed={failed.value}
                  onCancel={close}
                  onSubmit={() =>
                    void run(() => setStatus('disabled', reason.value)).then((done) => {
                      if (done) close();
                    })
                  }
                >
                  <p>{t.identity.disableWords}</p>
                  <Field label={t.identity.reason} value={reason} maxLength={128} />
                </DialogForm>
              </Dialog>
            )}
          </>
        );
      }}
    </Loading>
  );
}

function ConnectionStringCopy({ id }: { id: string }) {
  const found = useLoad((signal) => get<ConnectInfo>(`/connect/${encodeURIComponent(id)}`, { signal }), [id]);
  const host = found.data?.hosts.find(({ preferred }) => preferred) ?? found.data?.hosts[0];
  const text = found.data?.connectionStrings?.primary;
  if (!text || !host) return null;
  return <Copy text={text.replace('{host}', host.name)} label={t.identity.copyString} />;
}
