// A device's state in a few words: connected, refused and why, disabled and why; and how far it is with what was desired.
import { now } from '../hooks';
import { t } from '../texts';
import type { DeviceState, DriftSummary, Notice, Twin } from '../types';
import { Badge, type Tone } from '../ui/badge';
import { Text } from '../ui/text';
import { Since } from '../ui/time';
import { driftOf } from '../lib/drift';
import { refusedLately } from './notices';

export interface Shown {
  status: string;
  statusReason?: string | null | undefined;
  connectionState: string;
  since?: string | undefined;
  exists?: boolean;
}

export function StateBadge({ of, notices, id }: { of: Shown; notices?: Iterable<Notice>; id: string }) {
  if (of.exists === false) return <Badge tone="none">{t.state.deleted}</Badge>;
  if (of.status === 'disabled')
    return (
      <Badge tone="none">
        {t.state.disabled}
        {of.statusReason ? (
          <>
            : <Text of={of.statusReason} max={80} />
          </>
        ) : (
          ''
        )}
      </Badge>
    );
  if (of.connectionState === 'Connected')
    return (
      <Badge tone="ok">
        {t.state.connected} <Since at={of.since} />
      </Badge>
    );
  const refused = notices && refusedLately(notices, id, now.value);
  if (refused) return <Badge tone="bad">{t.state.refused(refused.times, refused.reason)}</Badge>;
  return <Badge tone="none">{t.state.disconnected}</Badge>;
}

export const driftTones: Record<string, Tone> = {
  applied: 'ok',
  pending: 'warn',
  diverged: 'warn',
  rejected: 'bad',
  none: 'none',
  reported_only: 'none',
};

export function driftSummary(twin: Pick<Twin, 'properties'>): DriftSummary {
  const drift = driftOf(twin.properties);
  const leaves = drift.state === 'none' ? 0 : drift.counts[drift.state];
  return { state: drift.state, leaves, since: drift.oldest ?? null };
}

export function DriftBadge({ of }: { of: DriftSummary }) {
  if (of.state === 'none') return <span class="muted">{t.drift.none}</span>;
  return (
    <Badge tone={driftTones[of.state]!}>
      {t.drift.summary(of.state, of.leaves)}
      {of.state !== 'applied' && of.since && (
        <>
          , <Since at={of.since} />
        </>
      )}
    </Badge>
  );
}

/** Is it connected, by the newest that is known? */
export function isConnected(twin: Twin | undefined, state: DeviceState | undefined): boolean {
  return (state ? state.exists && state.connectionState : twin?.connectionState) === 'Connected';
}
