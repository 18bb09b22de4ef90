// Messages to the device: which ones wait, sending one, removing all, and what became of them.
import { useSignal } from '@preact/signals';
import { get, hub, hubPath } from '../../api';
import { useBusy, useLoad } from '../../hooks';
import { shellQuoted } from '../../lib/format';
import { t } from '../../texts';
import { announce } from '../../ui/announce';
import { Command } from '../../ui/copy';
import { Confirm } from '../../ui/dialog';
import { Area, Choice, Field } from '../../ui/field';
import { Failure, Loading, Note, Opens } from '../../ui/parts';
import type { Messages } from '../../types';
import type { DeviceContext } from './device';
import { Feedback, Queue } from './queue';

function propertyHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text
    .split('\n')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const at = line.indexOf('=');
    if (at < 1) throw new Error(t.messages.badProperty(line));
    headers[`iothub-app-${line.slice(0, at).trim()}`] = line.slice(at + 1).trim();
  }
  return headers;
}

export function MessagesTab({ context }: { context: DeviceContext }) {
  const body = useSignal('');
  const properties = useSignal('');
  const expiry = useSignal('');
  const ack = useSignal('none');
  const type = useSignal('application/json');
  const sent = useSignal('');
  const sentCount = useSignal(0);
  const purging = useSignal(false);
  const [busy, failed, run] = useBusy();
  const waiting = context.state?.cloudToDeviceMessageCount ?? context.twin.data?.cloudToDeviceMessageCount ?? 0;
  // Anew whenever one has come or gone, and while they are sent: a message may be taken before its number is seen to rise.
  const looked = useLoad(
    (signal) => get<Messages>(`/messages/${encodeURIComponent(context.id)}`, { signal }),
    [context.id, waiting, sentCount.value],
  );
  const send = (event: Event) => {
    event.preventDefault();
    sent.value = '';
    void run(async () => {
      const seconds = Number(expiry.value);
      await hub('POST', hubPath`/devices/${context.id}/messages/devicebound`, {
        rawBody: body.value,
        headers: {
          'content-type': type.value,
          'iothub-ack': ack.value,
          'iothub-messageid': crypto.getRandomValues(new Uint32Array(2)).join('-'),
          'iothub-to': `/devices/${context.id}/messages/devicebound`,
          ...(seconds > 0 ? { 'iothub-expiry': new Date(Date.now() + seconds * 1000).toISOString() } : {}),
          ...propertyHeaders(properties.value),
        },
      });
      sent.value = t.messages.sent;
      sentCount.value += 1;
      context.twin.reload();
    });
  };
  return (
    <>
      <section class="panel" aria-label={t.device.tabs.messages}>
        <div class="row">
          <p>{t.messages.waiting(waiting)}</p>
          <button type="button" onClick={looked.reload}>
            {t.refresh}
          </button>
          {waiting > 0 && (
            <Opens danger of={purging} as={true}>
              {t.messages.purge}
            </Opens>
          )}
        </div>
        <Loading of={looked}>{({ messages }) => <Queue messages={messages} />}</Loading>
      </section>
      <form class="panel" onSubmit={send}>
        <h2>{t.messages.title}</h2>
        <Area label={t.messages.body} value={body} />
        <Area label={t.messages.properties} value={properties} rows={2} />
        <div class="row bottom">
          <Field label={t.messages.type} value={type} required />
          <Field label={t.messages.expiry} value={expiry} type="number" min={1} max={172800} />
          <Choice label={t.messages.ack} value={ack} options={Object.entries(t.messages.acks)} />
          <button type="submit" class="primary" disabled={busy.value}>
            {t.send}
          </button>
        </div>
        <Failure of={failed.value} />
        <div role="status">
          {sent.value && (
            <Note tone="ok">
              <p>{sent.value}</p>
            </Note>
          )}
        </div>
      </form>
      {looked.data && (
        <section class="panel" aria-label={t.messages.feedback}>
          <h2>{t.messages.feedback}</h2>
          <Feedback feedback={looked.data.feedback} />
        </section>
      )}
      <Command line={`twinhub c2d send ${shellQuoted(context.id)} ${shellQuoted(body.value || 'hello')}`} />
      {purging.value && (
        <Confirm
          title={t.messages.purgeTitle}
          words={t.messages.purgeWords}
          name={context.id}
          action={t.messages.purge}
          onClose={() => {
            purging.value = false;
          }}
          onDo={async () => {
            const { body: done } = await hub<{ totalMessagesPurged: number }>('DELETE', hubPath`/devices/${context.id}/commands`);
            announce(t.messages.purged(done.totalMessagesPurged));
            context.twin.reload();
          }}
        />
      )}
    </>
  );
}
