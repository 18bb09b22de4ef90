// Why this device does not connect, or has left.
import { get } from '../../api';
import { useLoad } from '../../hooks';
import { shellQuoted } from '../../lib/format';
import { t } from '../../texts';
import type { Notice } from '../../types';
import { Command } from '../../ui/copy';
import { Loading } from '../../ui/parts';
import { mergeNotices, newestFirst, NoticeList } from '../notices';
import type { DeviceContext } from './device';

export function ConnectionTab({ context }: { context: DeviceContext }) {
  const found = useLoad(
    (signal) => get<{ notices: Notice[] }>(`/connections?device=${encodeURIComponent(context.id)}&limit=500`, { signal }),
    [context.id],
  );
  return (
    <>
      <section class="panel" aria-label={t.connection.list}>
        <Loading of={found}>
          {({ notices }) => (
            <NoticeList notices={newestFirst(mergeNotices(mergeNotices(new Map(), notices), [...context.notices.values()]).values())} />
          )}
        </Loading>
      </section>
      <Command line={`twinhub device why ${shellQuoted(context.id)}`} />
    </>
  );
}
