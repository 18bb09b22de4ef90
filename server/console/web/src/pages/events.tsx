// The whole event log as it grows.
import { useMemo } from 'preact/hooks';
import { place, setQuery } from '../router';
import { may } from '../session';
import { shellQuoted } from '../lib/format';
import { t } from '../texts';
import { Command } from '../ui/copy';
import { Title } from '../ui/parts';
import { bodyText, EventList, FeedBar, StartPicker, startOf, useFeed } from './events_feed';

function Feed() {
  const { from: start = 'now', device = '', source = '', text = '' } = place.value.query;
  const from = useMemo(() => startOf(start), [start]);
  const feed = useFeed({ from, ...(device ? { device } : {}), ...(source ? { sources: [source] } : {}) });
  const needle = text.toLowerCase();
  const shown = needle
    ? feed.events.value.filter(
        (event) =>
          bodyText(event).toLowerCase().includes(needle) ||
          JSON.stringify(event.properties ?? {})
            .toLowerCase()
            .includes(needle),
      )
    : feed.events.value;
  const line = `twinhub events tail${start === 'now' ? '' : ` --from ${from}`}${device ? ` --device ${shellQuoted(device)}` : ''}${source ? ` --source ${source}` : ''}`;
  return (
    <>
      <div class="row" role="group" aria-label={t.devices.filters}>
        <StartPicker value={start} onPick={(name) => setQuery({ from: name === 'now' ? undefined : name })} />
        <label class="inline">
          <span>{t.live.source}</span>
          <select value={source} onChange={(event) => setQuery({ source: event.currentTarget.value })}>
            <option value="">{t.live.anySource}</option>
            {Object.entries(t.live.sources).map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          <span>{t.live.device}</span>
          <input size={14} value={device} onChange={(event) => setQuery({ device: event.currentTarget.value.trim() })} />
        </label>
        <label class="inline">
          <span>{t.live.filter}</span>
          <input size={14} value={text} onInput={(event) => setQuery({ text: event.currentTarget.value })} />
        </label>
      </div>
      <FeedBar feed={feed} shown={shown} />
      <section class="panel" aria-label={t.live.list}>
        <EventList events={shown} named />
      </section>
      <Command line={line} />
    </>
  );
}

export function EventsPage() {
  return (
    <>
      <Title text={t.pages.events} />
      {may('ServiceConnect') ? <Feed /> : <p>{t.errors.noRight}</p>}
    </>
  );
}
