// Connection notices: one line of what happened, one sentence, one hint.
import { pathTo } from '../lib/routes';
import { t } from '../texts';
import type { Notice } from '../types';
import { Badge } from '../ui/badge';
import { Link } from '../ui/parts';
import { Text } from '../ui/text';
import { Clock } from '../ui/time';

const host = (address: string) => address.replace(/:\d+$/, '');

/** A notice that was repeated comes again, with a higher count. */
export function noticeKey(notice: Notice): string {
  return JSON.stringify([notice.time, notice.id, notice.reason, notice.kind, host(notice.address)]);
}

export function mergeNotices(old: Map<string, Notice>, more: Notice[], max = 1000): Map<string, Notice> {
  const out = new Map(old);
  for (const notice of more) {
    out.delete(noticeKey(notice));
    out.set(noticeKey(notice), notice);
  }
  for (const key of out.keys()) {
    if (out.size <= max) break;
    out.delete(key);
  }
  return out;
}

export function newestFirst(notices: Iterable<Notice>): Notice[] {
  return [...notices].sort((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : b.revision - a.revision));
}

const ordinary = ['disconnect', 'shutting_down', 'peer_closed'];

function NoticeLine({ notice, named }: { notice: Notice; named: boolean }) {
  const [device = '', module] = notice.id.split('/');
  return (
    <li>
      <div class="row">
        <Clock at={notice.last} />
        <Badge tone={notice.kind === 'refused' ? 'bad' : ordinary.includes(notice.reason) ? 'none' : 'warn'}>
          {t.connection[notice.kind]}
        </Badge>
        <strong class="mono">{notice.reason}</strong>
        {notice.count > 1 && (
          <span>
            {t.connection.times(notice.count)} {t.connection.since} <Clock at={notice.time} />
          </span>
        )}
        {named &&
          (device ? (
            <Link to={pathTo(['devices', device, 'connection'])}>
              <Text of={device} max={80} />
            </Link>
          ) : (
            <span class="muted">{t.connection.peer}</span>
          ))}
        {module && <Text of={module} max={80} />}
        <span class="muted break">
          <Text of={[notice.address, notice.transport, notice.code].filter(Boolean).join(' · ')} />
          {notice.sni && (
            <>
              {' '}
              {t.connection.asked} <Text of={notice.sni} />
            </>
          )}
        </span>
      </div>
      <p class="break">
        <Text of={notice.sentence} /> {notice.detail && <Text of={notice.detail} />}
      </p>
      {notice.hint && (
        <p class="break muted">
          {t.connection.usually}: <Text of={notice.hint} />
        </p>
      )}
    </li>
  );
}

export function NoticeList({ notices, named = false }: { notices: Notice[]; named?: boolean }) {
  if (notices.length === 0) return <p class="muted">{t.connection.none}</p>;
  return (
    <>
      <ul class="events" aria-label={t.connection.list}>
        {notices.map((notice) => (
          <NoticeLine key={noticeKey(notice)} notice={notice} named={named} />
        ))}
      </ul>
      <p class="muted small">{t.connection.shown(notices.length)}</p>
    </>
  );
}

/** What a device's head says: the newest reason for which it was refused in the last hour, unless it is connected. */
export function refusedLately(
  notices: Iterable<Notice>,
  id: string,
  present: number,
): { times: number; reason: string; last: string } | undefined {
  const own = newestFirst(notices).filter(
    (notice) => notice.id === id && notice.kind === 'refused' && present - Date.parse(notice.last) < 3600_000,
  );
  const newest = own[0];
  if (!newest) return undefined;
  return {
    times: own.reduce((sum, { reason, count }) => sum + (reason === newest.reason ? count : 0), 0),
    reason: newest.reason,
    last: newest.last,
  };
}

export const refusalWords = (times: number, reason: string) => `${t.state.refused(times, reason)}`;
