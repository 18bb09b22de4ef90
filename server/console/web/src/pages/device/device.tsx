// One page per device: its head, and a tab for each thing one does with it.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, hubGet, hubPath } from '../../api';
import { now, useLoad, useStream, type Loaded } from '../../hooks';
import { shellQuoted } from '../../lib/format';
import { pathTo } from '../../lib/routes';
import { visible } from '../../lib/safe';
import { place } from '../../router';
import { info, may } from '../../session';
import type { Simulated } from '../../simulated';
import { t } from '../../texts';
import type { DeviceState, LiveState, Notice, Twin } from '../../types';
import { Later } from '../../ui/later';
import { Link, Loading, Note, Title } from '../../ui/parts';
import { Text } from '../../ui/text';
import { Ago } from '../../ui/time';
import { mergeNotices, refusedLately } from '../notices';
import { DriftBadge, StateBadge } from '../state';
import { ConnectionTab } from './connection';
import { HistoryTab } from './history';
import { IdentityTab } from './identity';
import { LiveTab } from './live';
import { MessagesTab } from './messages';
import { MethodsTab } from './methods';
import { ModulesTab } from './modules';
import { TwinTab } from './twin';

export interface Target {
  device: string;
  module?: string | undefined;
}

export const twinPath = ({ device, module }: Target) => (module ? hubPath`/twins/${device}/modules/${module}` : hubPath`/twins/${device}`);
export const idFlags = ({ device, module }: Target) => shellQuoted(device) + (module ? ` --module ${shellQuoted(module)}` : '');

export interface DeviceContext {
  id: string;
  target: Target;
  twin: Loaded<Twin>;
  state: LiveState | undefined;
  notices: Map<string, Notice>;
  connected: boolean;
  simulation: Signal<Simulated | null>;
}

type Tab = keyof typeof t.device.tabs;

const rightsOf: Record<Tab, string[]> = {
  twin: ['ServiceConnect'],
  live: ['ServiceConnect'],
  messages: ['ServiceConnect'],
  methods: ['ServiceConnect'],
  connection: ['ServiceConnect', 'RegistryRead'],
  history: ['ServiceConnect'],
  modules: ['RegistryRead'],
  identity: ['RegistryRead'],
  simulate: ['DeviceConnect'],
};
const tabs = Object.keys(t.device.tabs) as Tab[];
const isOpen = (tab: Tab) => may(...rightsOf[tab]) && (tab !== 'simulate' || (info.value!.dev && may('RegistryRead')));
const loadSimulate = async () => (await import('./simulate')).SimulateTab;

function Body({ tab, context }: { tab: Tab; context: DeviceContext }) {
  switch (tab) {
    case 'twin':
      return <TwinTab context={context} key={context.target.module ?? ''} />;
    case 'live':
      return <LiveTab context={context} />;
    case 'messages':
      return <MessagesTab context={context} />;
    case 'methods':
      return <MethodsTab context={context} key={context.target.module ?? ''} />;
    case 'connection':
      return <ConnectionTab context={context} />;
    case 'history':
      return <HistoryTab context={context} />;
    case 'modules':
      return <ModulesTab context={context} />;
    case 'identity':
      return <IdentityTab context={context} />;
    case 'simulate':
      return <Later load={loadSimulate} props={{ context }} />;
  }
}

export function DevicePage({ id, tab: wanted }: { id: string; tab: string | undefined }) {
  const open = tabs.filter(isOpen);
  const tab = open.find((name) => name === wanted) ?? open[0]!;
  const module = place.value.query.module || undefined;
  const target: Target = { device: id, module };
  const state = useSignal<DeviceState | undefined>(undefined);
  const notices = useSignal(new Map<string, Notice>());
  const simulation = useSignal<Simulated | null>(null);
  useEffect(() => () => simulation.peek()?.stop(), []);
  const twin = useLoad((signal) => hubGet<Twin>(twinPath(target), { signal }), [id, module]);

  // The twin is read anew when its version has grown, and once only for a burst of changes.
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const reloadSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      twin.reload();
    }, 150);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const present = useRef<Twin | undefined>(undefined);
  present.current = twin.data;
  useStream({ topics: [...(may('ServiceConnect') ? ['state'] : []), 'notices'], devices: [id], device: id }, (event, data) => {
    if (event === 'notices') notices.value = mergeNotices(notices.value, (data as { notices: Notice[] }).notices);
    if (event !== 'state') return;
    const next = (data as { devices: DeviceState[] }).devices.find(({ deviceId }) => deviceId === id);
    if (!next) return;
    state.value = next;
    if (!module && present.current && next.exists && next.version !== present.current.version) reloadSoon();
  });
  useStream(module ? { topics: ['events'], device: id, sources: ['TwinChangeEvents'], from: 'now' } : null, (_, data) => {
    if ((data as { moduleId?: string }).moduleId === module) reloadSoon();
  });

  const gone = state.value?.exists === false;
  const live = state.value?.exists ? state.value : undefined;
  const shown = live ?? twin.data;
  const refused = shown?.connectionState === 'Connected' ? undefined : refusedLately(notices.value.values(), id, now.value);
  const context: DeviceContext = {
    id,
    target,
    twin,
    state: live,
    notices: notices.value,
    connected: !gone && shown?.connectionState === 'Connected',
    simulation,
  };
  if (twin.error instanceof ApiError && twin.error.status === 404 && !twin.data) {
    return (
      <>
        <Title text={visible(id)} />
        <p>{t.device.unknown(visible(id))}</p>
        <div class="row">
          <Link class="button" to={pathTo(['connect', id])}>
            {t.pages.connect}
          </Link>
        </div>
        <ConnectionTab context={context} />
      </>
    );
  }
  return (
    <>
      <Title
        text={module ? `${id} / ${module}` : id}
        badge={
          shown && (
            <>
              <StateBadge
                id={id}
                notices={notices.value.values()}
                of={{
                  status: shown.status,
                  statusReason: twin.data?.statusReason,
                  connectionState: shown.connectionState,
                  since: live?.connectionStateUpdatedTime,
                  ...(state.value ? { exists: state.value.exists } : {}),
                }}
              />
              {!module && live && live.drift.state !== 'none' && <DriftBadge of={live.drift} />}
            </>
          )
        }
      >
        {module && (
          <Link class="button" to={pathTo(['devices', id, 'modules'])}>
            {t.device.tabs.modules}
          </Link>
        )}
        {may('RegistryRead') && (
          <Link class="button" to={pathTo(['connect', id])}>
            {t.device.connect}
          </Link>
        )}
      </Title>
      {shown && (
        <p class="muted small">
          {t.device.lastActivity} <Ago at={shown.lastActivityTime} />
          {twin.data && <> · {t.auth[twin.data.authenticationType] ?? <Text of={twin.data.authenticationType} />}</>}
        </p>
      )}
      {refused && (
        <Note tone="bad">
          <div class="row">
            <p>
              <Text of={t.device.refusedNow(refused.times, refused.reason)} /> <Ago at={refused.last} />
            </p>
            <Link to={pathTo(['devices', id, 'connection'])}>{t.device.why}</Link>
          </div>
        </Note>
      )}
      <nav aria-label={t.device.tabsLabel}>
        <ul class="tabs">
          {open.map((name) => (
            <li key={name}>
              <Link
                to={pathTo(['devices', id, name], module && (name === 'twin' || name === 'methods') ? { module } : {})}
                current={name === tab}
              >
                {t.device.tabs[name]}
                {name === 'connection' && refused ? ' !' : ''}
                {name === 'messages' && shown && shown.cloudToDeviceMessageCount > 0 ? ` ${shown.cloudToDeviceMessageCount}` : ''}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {tab === 'twin' ? <Loading of={twin}>{() => <Body tab={tab} context={context} />}</Loading> : <Body tab={tab} context={context} />}
    </>
  );
}
