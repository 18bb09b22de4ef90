// The tables of the Devices page: rows of devices, and the plain result of a SELECT.
import { pathTo } from '../lib/routes';
import { follow } from '../router';
import { t } from '../texts';
import type { DeviceState, Notice, Twin } from '../types';
import { Empty, Scroll } from '../ui/parts';
import { Text, Value } from '../ui/text';
import { Ago } from '../ui/time';
import { DriftBadge, driftSummary, StateBadge } from './state';

export function DeviceRow({
  twin,
  state,
  notices,
  tags,
  selected,
  onSelect,
}: {
  twin: Twin;
  state: DeviceState | undefined;
  notices: Notice[];
  tags: string[];
  selected: boolean;
  onSelect: (on: boolean, range: boolean) => void;
}) {
  const live = state?.exists ? state : undefined;
  const drift = live?.drift ?? driftSummary(twin);
  const shown = live ?? twin;
  return (
    <tr data-selected={selected}>
      <td>
        <input
          type="checkbox"
          aria-label={`${t.select} ${twin.deviceId}`}
          checked={selected}
          onClick={(event) => onSelect(event.currentTarget.checked, event.shiftKey)}
        />
      </td>
      <th scope="row" class="break">
        <a data-row href={pathTo(['devices', twin.deviceId])} onClick={follow}>
          <Text of={twin.deviceId} max={128} />
        </a>
      </th>
      <td>
        <StateBadge
          of={{
            status: shown.status,
            statusReason: twin.statusReason,
            connectionState: shown.connectionState,
            since: live?.connectionStateUpdatedTime,
            ...(state ? { exists: state.exists } : {}),
          }}
          notices={notices}
          id={twin.deviceId}
        />
      </td>
      <td>
        <Ago at={shown.lastActivityTime} />
      </td>
      <td>
        <DriftBadge of={drift} />
      </td>
      {tags.map((tag) => (
        <td key={tag}>
          <Value of={tagAt(twin, tag)} max={60} />
        </td>
      ))}
      <td class="number">{shown.cloudToDeviceMessageCount}</td>
      <td>{t.auth[twin.authenticationType] ?? <Text of={twin.authenticationType} />}</td>
    </tr>
  );
}

function tagAt(twin: Twin, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined,
      twin.tags,
    );
}

export function ResultTable({ rows }: { rows: Record<string, unknown>[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 30);
  if (rows.length === 0) return <Empty>{t.devices.none}</Empty>;
  return (
    <Scroll label={t.devices.result}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                <Text of={column} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {columns.map((column) => (
                <td key={column} class="break">
                  <Value of={row[column]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
