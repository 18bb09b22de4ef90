// The frame of every page: hub's name, live state, search, rail; and which page is shown.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { logOut } from './api';
import { now, useStream } from './hooks';
import { keyList, setSingleKeys, singleKeys } from './keys';
import { age } from './lib/format';
import { pathTo, type PageName } from './lib/routes';
import { ConnectPage } from './pages/connect';
import { ConnectionsPage } from './pages/connections';
import { DevicePage } from './pages/device/device';
import { DevicesPage } from './pages/devices';
import { EventsPage } from './pages/events';
import { Login } from './pages/login';
import { Overview } from './pages/overview';
import { go, place } from './router';
import { endedSession, info, session } from './session';
import { lastUpdate, streamBuild, streamState } from './stream';
import { setTheme, theme, type Theme } from './theme';
import { t } from './texts';
import { Announcer } from './ui/announce';
import { Badge, type Tone } from './ui/badge';
import { Dialog } from './ui/dialog';
import { Icon, type IconName } from './ui/icon';
import { Later } from './ui/later';
import { Link, Note, Title } from './ui/parts';
import { Text } from './ui/text';

const rail: [PageName & IconName & keyof typeof t.pages, PageName[]][] = [
  ['overview', ['overview']],
  ['devices', ['devices', 'device', 'connect']],
  ['events', ['events']],
  ['connections', ['connections']],
  ['jobs', ['jobs', 'job']],
  ['configurations', ['configurations', 'configuration']],
  ['metrics', ['metrics']],
  ['hub', ['hub']],
];
const inBottomBar = 4;

function Rail({ page }: { page: PageName }) {
  const open = useSignal(false);
  const link = ([name, holds]: (typeof rail)[number]) => (
    <Link to={pathTo(name === 'overview' ? [] : [name])} current={holds.includes(page)}>
      <Icon name={name} />
      {t.pages[name]}
    </Link>
  );
  return (
    <nav class="rail" aria-label={t.frame.pages}>
      <ul>
        {rail.map((entry, i) => (
          <li key={entry[0]} class={i < inBottomBar ? '' : 'rest'}>
            {link(entry)}
          </li>
        ))}
        <li class="more">
          <button
            type="button"
            onClick={() => {
              open.value = true;
            }}
          >
            <Icon name="more" />
            {t.frame.more}
          </button>
        </li>
      </ul>
      {open.value && (
        <Dialog
          title={t.frame.pages}
          onClose={() => {
            open.value = false;
          }}
        >
          <ul
            class="stack"
            onClick={() => {
              open.value = false;
            }}
          >
            {rail.slice(inBottomBar).map((entry) => (
              <li key={entry[0]}>{link(entry)}</li>
            ))}
          </ul>
        </Dialog>
      )}
    </nav>
  );
}

const liveTones: Record<typeof streamState.value, Tone> = { off: 'none', connecting: 'none', live: 'ok', reconnecting: 'warn' };

function Live() {
  // Every page streams at least the figures: so it is seen when the hub is gone, and when it is back.
  useStream({ topics: ['figures'] }, () => undefined);
  const state = streamState.value;
  const seconds = (performance.now() - lastUpdate.value) / 1000;
  const present = now.value; // ticks
  return (
    <span class="nowrap" data-now={present} title={lastUpdate.value ? t.frame.lastUpdate(t.ago(age(seconds))) : ''}>
      <Badge tone={liveTones[state]}>
        {t.frame[state]}
        {state === 'reconnecting' && lastUpdate.value > 0 && `, ${t.frame.lastUpdate(t.ago(age(seconds)))}`}
      </Badge>
    </span>
  );
}

function Top() {
  const text = useSignal('');
  const search = (event: Event) => {
    event.preventDefault();
    go(pathTo(['devices'], { where: text.value.trim() }));
    text.value = '';
  };
  return (
    <header class="top">
      <Link to={pathTo([])} class="name">
        <Text of={info.value?.name ?? 'twinhub'} />
      </Link>
      {info.value?.dev && (
        <span class="tag" title={t.frame.devTitle}>
          {t.frame.dev}
        </span>
      )}
      <Live />
      <span class="space" />
      <form role="search" onSubmit={search}>
        <input
          id="search"
          type="search"
          aria-label={t.frame.search}
          placeholder={t.frame.searchHint}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </form>
      <label class="inline">
        <span class="hidden">{t.frame.theme}</span>
        <select value={theme.value} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
          {(['system', 'light', 'dark'] as const).map((name) => (
            <option key={name} value={name}>
              {t.frame.themes[name]}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="icon wide"
        aria-label={t.frame.keys}
        onClick={() => {
          keyList.value = true;
        }}
      >
        <Icon name="keys" />
      </button>
      <button type="button" onClick={() => void logOut()}>
        {t.frame.signOut}
      </button>
    </header>
  );
}

function Keys() {
  if (!keyList.value) return null;
  return (
    <Dialog
      title={t.keys.title}
      onClose={() => {
        keyList.value = false;
      }}
    >
      <label class="inline">
        <input type="checkbox" checked={singleKeys.value} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
        <span>{t.keys.single}</span>
      </label>
      <dl class="facts">
        {t.keys.list.map(([key, what]) => [
          <dt key={key}>
            <kbd class="mono">{key}</kbd>
          </dt>,
          <dd>{what}</dd>,
        ])}
      </dl>
    </Dialog>
  );
}

// Pages that are opened less often come when they are.
const lateConfigurations = async () => (await import('./pages/configurations')).ConfigurationsPage;
const lateConfiguration = async () => (await import('./pages/configurations')).ConfigurationPage;
const lateJobs = async () => (await import('./pages/jobs')).JobsPage;
const lateJob = async () => (await import('./pages/jobs')).JobPage;
const lateMetrics = async () => (await import('./pages/metrics')).MetricsPage;
const lateHub = async () => (await import('./pages/hub')).HubPage;

function Page() {
  const { page, params } = place.value;
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'devices':
      return <DevicesPage />;
    case 'device':
      return <DevicePage key={params.id} id={params.id!} tab={params.tab} />;
    case 'connect':
      return <ConnectPage key={params.id} id={params.id} />;
    case 'events':
      return <EventsPage />;
    case 'connections':
      return <ConnectionsPage />;
    case 'jobs':
      return <Later key={page} load={lateJobs} props={{}} />;
    case 'job':
      return <Later key={`job ${params.id}`} load={lateJob} props={{ id: params.id! }} />;
    case 'configurations':
      return <Later key={page} load={lateConfigurations} props={{}} />;
    case 'configuration':
      return <Later key={`configuration ${params.id}`} load={lateConfiguration} props={{ id: params.id! }} />;
    case 'metrics':
      return <Later key={page} load={lateMetrics} props={{}} />;
    case 'hub':
      return <Later key={page} load={lateHub} props={{}} />;
    case 'unknown':
      return (
        <>
          <Title text={t.pages.unknown} />
          <p>{t.errors.unknownPage}</p>
        </>
      );
  }
}

export function App() {
  useEffect(() => {
    document.title = info.value?.name ?? 'twinhub';
  }, [info.value]);
  if (!info.value)
    return (
      <p class="login" role="status">
        {t.loading}
      </p>
    );
  if (!session.value) return <Login />;
  const newer = streamBuild.value !== '' && streamBuild.value !== info.value.build;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')!.focus();
        }}
      >
        {t.frame.skip}
      </a>
      <div class="frame">
        <Top />
        <Rail page={place.value.page} />
        <main id="main" tabIndex={-1}>
          {newer && (
            <Note>
              <div class="row">
                <p>{t.frame.newBuild}</p>
                <button type="button" onClick={() => location.reload()}>
                  {t.frame.reload}
                </button>
              </div>
            </Note>
          )}
          <Page />
        </main>
      </div>
      <Keys />
      {endedSession.value && <Login over />}
      <Announcer />
    </>
  );
}
