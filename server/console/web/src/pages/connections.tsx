// All connection notices: who was refused or has left, and why.
import { useSignal } from '@preact/signals';
import { get } from '../api';
import { useLoad, useStream } from '../hooks';
import { shellQuoted } from '../lib/format';
import { place, setQuery } from '../router';
import { info } from '../session';
import { t } from '../texts';
import type { Notice } from '../types';
import { Command } from '../ui/copy';
import { Loading, Title } from '../ui/parts';
import { mergeNotices, newestFirst, NoticeList } from './notices';

export function ConnectionsPage() {
  const { device = '', reason = '', show = '' } = place.value.query;
  const found = useLoad((signal) => get<{ notices: Notice[] }>('/connections?limit=1000', { signal }), []);
  const fresh = useSignal(new Map<string, Notice>());
  useStream({ topics: ['notices'] }, (event, data) => {
    if (event === 'notices') fresh.value = mergeNotices(fresh.value, (data as { notices: Notice[] }).notices);
  });
  const wanted = (notice: Notice) =>
    (reason === '' || notice.reason === reason) &&
    (show !== 'refused' || notice.kind === 'refused') &&
    (device === '' || (device === '-' ? notice.id === '' : notice.id.split('/')[0]!.includes(device)));
  return (
    <>
      <Title text={t.pages.connections} />
      <Loading of={found}>
        {({ notices }) => {
          const all = newestFirst(mergeNotices(mergeNotices(new Map(), notices), [...fresh.value.values()]).values());
          const reasons = [...new Set([...all.map((notice) => notice.reason), ...(reason ? [reason] : [])])].sort();
          return (
            <>
              <div class="row" role="group" aria-label={t.connection.filters}>
                <button type="button" class="chip" aria-pressed={show !== 'refused'} onClick={() => setQuery({ show: undefined })}>
                  {t.connection.everything}
                </button>
                <button type="button" class="chip" aria-pressed={show === 'refused'} onClick={() => setQuery({ show: 'refused' })}>
                  {t.connection.onlyRefused}
                </button>
                <button
                  type="button"
                  class="chip"
                  aria-pressed={device === '-'}
                  onClick={() => setQuery({ device: device === '-' ? undefined : '-' })}
                >
                  {t.connection.strangers}
                </button>
                <label class="inline">
                  <span>{t.connection.device}</span>
                  <input value={device === '-' ? '' : device} onInput={(event) => setQuery({ device: event.currentTarget.value })} />
                </label>
                <label class="inline">
                  <span>{t.connection.reason}</span>
                  <select value={reason} onChange={(event) => setQuery({ reason: event.currentTarget.value })}>
                    <option value="">{t.connection.anyReason}</option>
                    {reasons.map((one) => (
                      <option key={one} value={one}>
                        {one}
                      </option>
                    ))}
                  </select>
                </label>
              </div>
              <section class="panel" aria-label={t.connection.list}>
                <NoticeList notices={all.filter(wanted).slice(0, 200)} named />
              </section>
            </>
          );
        }}
      </Loading>
      <Command
        line={
          device && device !== '-'
            ? `twinhub device why ${shellQuoted(device)}`
            : `curl http://127.0.0.1:${info.value?.ports?.ops ?? 9600}/connections`
        }
      />
    </>
  );
}
