// A chart with a sentence and a table that say the same.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ChartData } from '../editor/chart';
import { theme } from '../theme';
import { t } from '../texts';
import { Scroll } from './parts';
import { clock } from '../lib/format';
import { colours, dashes } from '../lib/series';

export function Chart({
  title,
  data,
  format,
  metrics,
}: {
  title: string;
  data: ChartData;
  format: (value: number) => string;
  metrics: string[];
}) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<{ set: (data: ChartData) => void; destroy: () => void } | null>(null);
  const latest = useRef(data);
  latest.current = data;
  const asTable = useSignal(false);
  const shape = data.lines.map(({ label }) => label).join(' ');
  useEffect(() => {
    let gone = false;
    if (asTable.value || data.lines.length === 0) return undefined;
    void import('../editor/chart').then(({ mountChart }) => {
      if (!gone && host.current) chart.current = mountChart(host.current, latest.current, format);
    });
    return () => {
      gone = true;
      chart.current?.destroy();
      chart.current = null;
    };
  }, [shape, asTable.value, theme.value]);
  useEffect(() => chart.current?.set(data), [data]);
  const sentences = data.lines
    .map(({ label, values }, i) => {
      const known = values.filter((value): value is number => value !== null);
      return { i, words: known.length === 0 ? '' : `${label}: ${t.metricsPage.now(format(known.at(-1)!), format(Math.max(...known)))}` };
    })
    .filter(({ words }) => words);
  const step = Math.max(1, Math.ceil(data.times.length / 60));
  return (
    <section class="panel" aria-label={title}>
      <div class="title">
        <h2>{title}</h2>
        <span class="actions">
          <button
            type="button"
            class="quiet small"
            aria-pressed={asTable.value}
            onClick={() => {
              asTable.value = !asTable.value;
            }}
          >
            {t.table}
            <span class="hidden"> {title}</span>
          </button>
        </span>
      </div>
      {data.lines.length === 0 || sentences.length === 0 ? (
        <p class="muted">{t.metricsPage.noData}</p>
      ) : (
        <>
          {asTable.value ? (
            <Scroll label={`${title}, ${t.table}`}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t.metricsPage.time}</th>
                    {data.lines.map(({ label }) => (
                      <th key={label} scope="col" class="number">
                        {label}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {data.times
                    .map((time, i) => ({ time, i }))
                    .filter(({ i }) => (data.times.length - 1 - i) % step === 0)
                    .reverse()
                    .map(({ time, i }) => (
                      <tr key={time}>
                        <th scope="row">{clock(new Date(time * 1000), new Date())}</th>
                        {data.lines.map(({ label, values }) => (
                          <td key={label} class="number">
                            {values[i] === null || values[i] === undefined ? '' : format(values[i]!)}
                          </td>
                        ))}
                      </tr>
                    ))}
                </tbody>
              </table>
            </Scroll>
          ) : (
            <div class="chart" ref={host} aria-hidden="true" />
          )}
          <ul class="legend small">
            {sentences.map(({ i, words }) => (
              <li key={i}>
                <svg viewBox="0 0 26 8" aria-hidden="true">
                  <path
                    d="M0 4h26"
                    fill="none"
                    stroke={`var(${colours[i % colours.length]})`}
                    stroke-width="2"
                    stroke-dasharray={dashes[i % dashes.length]!.join(' ')}
                  />
                </svg>
                {words}
              </li>
            ))}
          </ul>
        </>
      )}
      {metrics.length > 0 && (
        <p class="muted small break">
          {t.metricsPage.source}: <span class="mono">{[...new Set(metrics)].join(', ')}</span>
        </p>
      )}
    </section>
  );
}
