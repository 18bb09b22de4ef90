// A backup of the running hub into a folder on its machine, and how far it is.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, get } from '../api';
import { useBusy, useLoad } from '../hooks';
import { bytes, count, shellQuoted } from '../lib/format';
import { t } from '../texts';
import { Badge, type Tone } from '../ui/badge';
import { Command } from '../ui/copy';
import { Field } from '../ui/field';
import { Failure, Loading } from '../ui/parts';
import { Text } from '../ui/text';
import { Clock } from '../ui/time';

interface BackupState {
  id: string; // when it began
  state: 'none' | 'running' | 'done' | 'failed';
  files: number;
  filesTotal: number;
  bytes: number;
  bytesTotal: number;
  folder?: string;
  error?: string;
}

const pollMs = 500;
const tones: Record<BackupState['state'], Tone> = { none: 'none', running: 'info', done: 'ok', failed: 'bad' };

function Progress({ of }: { of: BackupState }) {
  const words = t.hubPage;
  const percent = of.bytesTotal > 0 ? Math.round((100 * of.bytes) / of.bytesTotal) : 0;
  return (
    <div role="status" class="stack">
      <div class="row">
        <Badge tone={tones[of.state]}>{words.backupStates[of.state]}</Badge>
        {of.id && <Clock at={of.id} />}
        {of.state !== 'none' && (
          <span>
            {words.backupProgress(count(of.files), count(of.filesTotal), bytes(of.bytes))}
            {of.state === 'running' && `, ${percent} %`}
          </span>
        )}
      </div>
      {of.folder && (
        <code class="break">
          <Text of={of.folder} />
        </code>
      )}
      {of.error && <Failure of={of.error} />}
    </div>
  );
}

export function Backup() {
  const words = t.hubPage;
  const state = useLoad((signal) => get<BackupState>('/backup', { signal }), []);
  const folder = useSignal('');
  const [busy, failed, run] = useBusy();
  const running = state.data?.state === 'running';
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(state.reload, pollMs);
    return () => clearInterval(timer);
  }, [running]);
  const begin = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await call('POST', `/backup?to=${encodeURIComponent(folder.value.trim())}`);
      state.reload();
    });
  };
  return (
    <section class="panel" aria-label={words.backup}>
      <h2>{words.backup}</h2>
      <Loading of={state}>{(data) => <Progress of={data} />}</Loading>
      <form class="row bottom" onSubmit={begin}>
        <Field grow label={words.backupFolder} value={folder} required class="mono" spellcheck={false} placeholder="/var/backups/twinhub" />
        <button type="submit" disabled={busy.value || running}>
          {words.backupStart}
        </button>
      </form>
      <Failure of={failed.value} />
      <Command line={`twinhub backup ${shellQuoted(folder.value.trim() || 'FOLDER')}`} />
    </section>
  );
}
