// A time: relative where it is near, with UTC on hover, and for machines.
import { now } from '../hooks';
import { age, clock, duration, isTime, utc } from '../lib/format';
import { t } from '../texts';

export function Ago({ at, empty = t.never }: { at: string | null | undefined; empty?: string }) {
  if (!isTime(at)) return <span class="muted">{empty}</span>;
  const seconds = (now.value - Date.parse(at)) / 1000;
  return (
    <time dateTime={at} title={`${clock(new Date(at), new Date(0))} / ${utc(at)}`} class="nowrap">
      {t.ago(age(seconds))}
    </time>
  );
}

export function Clock({ at }: { at: string | null | undefined }) {
  if (!isTime(at)) return <span class="muted">{t.never}</span>;
  return (
    <time dateTime={at} title={utc(at)} class="nowrap">
      {clock(new Date(at), new Date(now.value))}
    </time>
  );
}

export function Since({ at }: { at: string | null | undefined }) {
  if (!isTime(at)) return null;
  const seconds = (now.value - Date.parse(at)) / 1000;
  return (
    <time dateTime={at} title={utc(at)} class="nowrap">
      {duration(seconds)}
    </time>
  );
}
