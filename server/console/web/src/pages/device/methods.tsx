// Direct methods: a call, its answer with the time it took, and what was called before in this session.
import { signal, useSignal } from '@preact/signals';
import { hub } from '../../api';
import { useBusy } from '../../hooks';
import { shellQuoted } from '../../lib/format';
import { pretty, type Json } from '../../lib/json';
import { t } from '../../texts';
import { Command, Copy } from '../../ui/copy';
import { Area, Field } from '../../ui/field';
import { Failure } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { Block, Text, Value } from '../../ui/text';
import { Clock } from '../../ui/time';
import { curlOf } from '../curl';
import { idFlags, twinPath, type DeviceContext } from './device';

interface Called {
  at: string;
  target: string;
  name: string;
  payload: string;
  status?: number;
  answer?: Json;
  error?: string;
  ms: number;
}

/** For as long as the page is open; never stored. */
const past = signal<Called[]>([]);

export function MethodsTab({ context }: { context: DeviceContext }) {
  const key = JSON.stringify(context.target);
  const own = past.value.filter(({ target }) => target === key);
  const name = useSignal('');
  const payload = useSignal('{}');
  const response = useSignal('30');
  const connect = useSignal('0');
  const last = useSignal<Called | null>(null);
  const [busy, failed, run] = useBusy();
  const path = `${twinPath(context.target)}/methods`;
  const body = (value: Json) => ({
    methodName: name.value.trim(),
    payload: value,
    responseTimeoutInSeconds: Number(response.value),
    connectTimeoutInSeconds: Number(connect.value),
  });
  const call = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      let value: Json;
      try {
        value = JSON.parse(payload.value.trim() || 'null') as Json;
      } catch {
        throw new Error(t.methods.badJson);
      }
      const begin = performance.now();
      const done = { at: new Date().toISOString(), target: key, name: name.value.trim(), payload: payload.value };
      const keep = (called: Called) => {
        last.value = called;
        past.value = [called, ...past.value].slice(0, 100);
      };
      try {
        const answer = (await hub<{ status: number; payload: Json }>('POST', path, { body: body(value) })).body;
        keep({ ...done, status: answer.status, answer: answer.payload, ms: performance.now() - begin });
      } catch (error) {
        keep({ ...done, error: (error as Error).message, ms: performance.now() - begin });
        throw error;
      }
    });
  };
  const names = [...new Set(past.value.map((called) => called.name))];
  const shown = last.value;
  return (
    <>
      <form class="panel" onSubmit={call}>
        <h2>{t.methods.title}</h2>
        {!context.connected && <p class="badge warn">{t.methods.offline}</p>}
        <div class="row bottom">
          <Field grow label={t.methods.name} value={name} required list="method-names" spellcheck={false} autocomplete="off" />
          <datalist id="method-names">
            {names.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <Field label={t.methods.response} value={response} type="number" min={5} max={300} required />
          <Field label={t.methods.connect} value={connect} type="number" min={0} max={300} required />
        </div>
        <Area label={t.methods.payload} value={payload} />
        <div>
          <button type="submit" class="primary" disabled={busy.value}>
            {t.methods.call}
          </button>
        </div>
        <Failure of={failed.value} />
        <div role="status" class="stack">
          {shown?.status !== undefined && (
            <>
              <p>{t.methods.answer(shown.status, `${Math.round(shown.ms)} ms`)}</p>
              <div class="code">
                <Block of={pretty(shown.answer)} />
                <Copy text={pretty(shown.answer)} name={t.methods.result} />
              </div>
            </>
          )}
        </div>
      </form>
      {own.length > 0 && (
        <section class="panel" aria-label={t.methods.past}>
          <h2>{t.methods.past}</h2>
          <DataTable
            label={t.methods.past}
            rows={own}
            keyOf={(called) => called.at}
            columns={[
              { head: t.methods.time, cell: (called) => <Clock at={called.at} /> },
              { head: t.methods.name, isName: true, cell: (called) => <Text of={called.name} max={64} /> },
              { head: t.methods.status, cell: (called) => called.status ?? <span class="badge bad">{t.methods.failed}</span> },
              { head: t.methods.took, number: true, cell: (called) => `${Math.round(called.ms)} ms` },
              {
                head: t.methods.result,
                class: 'break',
                cell: (called) => (called.error ? <Text of={called.error} /> : <Value of={called.answer} />),
              },
              {
                head: '',
                cell: (called) => (
                  <button
                    type="button"
                    onClick={() => {
                      name.value = called.name;
                      payload.value = called.payload;
                    }}
                  >
                    {t.methods.again}
                  </button>
                ),
              },
            ]}
          />
        </section>
      )}
      <Command
        line={`twinhub method invoke ${idFlags(context.target)} ${shellQuoted(name.value.trim() || 'METHOD')} ${shellQuoted(payload.value)}`}
        curl={curlOf('POST', path, body({}))}
      />
    </>
  );
}
