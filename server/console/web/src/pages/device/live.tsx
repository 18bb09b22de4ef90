// This device's events as they come.
import { useMemo } from 'preact/hooks';
import { shellQuoted } from '../../lib/format';
import { place, setQuery } from '../../router';
import { t } from '../../texts';
import { Command } from '../../ui/copy';
import { EventList, FeedBar, Numbers, StartPicker, startOf, useFeed } from '../events_feed';
import type { DeviceContext } from './device';

export function LiveTab({ context }: { context: DeviceContext }) {
  const start = place.value.query.from ?? 'now';
  const from = useMemo(() => startOf(start), [start]);
  const feed = useFeed({ device: context.id, from });
  const events = feed.events.value;
  return (
    <>
      <div class="row">
        <StartPicker value={start} onPick={(name) => setQuery({ from: name })} />
        <FeedBar feed={feed} shown={events} />
      </div>
      <Numbers events={events} />
      <section class="panel" aria-label={t.live.list}>
        <EventList events={events} named={false} />
      </section>
      <Command line={`twinhub events tail --device ${shellQuoted(context.id)}`} />
    </>
  );
}
