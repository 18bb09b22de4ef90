// What can be done for the devices that are selected in the list.
import { useSignal } from '@preact/signals';
import { hub, hubPath } from '../api';
import { useBusy } from '../hooks';
import { quoted } from '../lib/query';
import { pathTo } from '../lib/routes';
import type { Json } from '../lib/json';
import { go } from '../router';
import { may } from '../session';
import { t } from '../texts';
import type { Identity, Twin } from '../types';
import { announce } from '../ui/announce';
import { Copy } from '../ui/copy';
import { Confirm, Dialog } from '../ui/dialog';
import { DialogForm, Field } from '../ui/field';
import { Failure, Opens } from '../ui/parts';

/** One after the other; the first failure ends it. */
async function each(ids: string[], work: (id: string) => Promise<unknown>): Promise<void> {
  for (const id of ids) {
    await work(id).catch((error: Error) => {
      throw new Error(t.devices.failedFor(id, error.message));
    });
  }
  announce(t.devices.done(ids.length));
}

async function setStatus(id: string, status: 'enabled' | 'disabled', reason: string): Promise<void> {
  const path = hubPath`/devices/${id}`;
  const { body, headers } = await hub<Identity>('GET', path);
  await hub('PUT', path, {
    body: { ...body, status, statusReason: reason || null },
    headers: { 'if-match': headers.get('etag') ?? `"${body.etag}"` },
  });
}

export function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

export function Selection({ ids, rows, onDone }: { ids: string[]; rows: Twin[]; onDone: () => void }) {
  const open = useSignal<'' | 'delete' | 'disable' | 'tag'>('');
  const text = useSignal('');
  const tag = useSignal('');
  const [busy, failed, run] = useBusy();
  const close = () => {
    open.value = '';
    text.value = '';
  };
  const act = async (work: (id: string) => Promise<unknown>) => {
    if (!(await run(() => each(ids, work)))) return;
    close();
    onDone();
  };
  const lines = () =>
    rows
      .filter(({ deviceId }) => ids.includes(deviceId))
      .map((twin) => JSON.stringify(twin))
      .join('\n');
  return (
    <div class="panel" role="group" aria-label={t.devices.selected(ids.length)}>
      <div class="row">
        <strong>{t.devices.selected(ids.length)}</strong>
        {may('RegistryWrite') && (
          <>
            <button type="button" disabled={busy.value} onClick={() => void act((id) => setStatus(id, 'enabled', ''))}>
              {t.devices.enable}
            </button>
            <Opens of={open} as="disable">
              {t.devices.disable}
            </Opens>
          </>
        )}
        {may('ServiceConnect') && (
          <>
            <Opens of={open} as="tag">
              {t.devices.setTag}
            </Opens>
            <button type="button" onClick={() => go(pathTo(['jobs'], { new: `deviceId IN [${ids.map(quoted).join(', ')}]` }))}>
              {t.devices.jobFor}
            </button>
          </>
        )}
        <Copy text={lines} label={t.live.copyLines} />
        {may('RegistryWrite') && (
          <Opens danger of={open} as="delete">
            {t.delete}
          </Opens>
        )}
      </div>
      {!open.value && <Failure of={failed.value} />}
      {open.value === 'delete' && (
        <Confirm
          title={t.devices.deleteTitle(ids.length)}
          words={t.devices.deleteWords}
          name={ids.length === 1 ? ids[0]! : String(ids.length)}
          action={t.delete}
          onClose={close}
          onDo={async () => {
            await each(ids, (id) => hub('DELETE', hubPath`/devices/${id}`, { headers: { 'if-match': '*' } }));
            onDone();
          }}
        />
      )}
      {open.value === 'disable' && (
        <Dialog title={t.devices.disable} onClose={close}>
          <DialogForm
            danger
            action={t.devices.disable}
            disabled={busy.value}
            failed={failed.value}
            onCancel={close}
            onSubmit={() => void act((id) => setStatus(id, 'disabled', text.value))}
          >
            <Field label={t.devices.disableReason} value={text} maxLength={128} />
          </DialogForm>
        </Dialog>
      )}
      {open.value === 'tag' && (
        <Dialog title={t.devices.setTag} onClose={close}>
          <DialogForm
            action={t.devices.apply}
            disabled={busy.value}
            failed={failed.value}
            onCancel={close}
            onSubmit={() =>
              void act((id) => hub('PATCH', hubPath`/twins/${id}`, { body: { tags: { [tag.value.trim()]: jsonOrText(text.value) } } }))
            }
          >
            <Field label={t.devices.tagName} value={tag} required />
            <Field label={t.devices.tagValue} value={text} required />
          </DialogForm>
        </Dialog>
      )}
    </div>
  );
}
