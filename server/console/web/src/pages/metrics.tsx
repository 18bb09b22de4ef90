// Eight small charts of the hub's own figures; each names the series that Prometheus reads.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { get } from '../api';
import { useLoad, useStream } from '../hooks';
import { bytes, short } from '../lib/format';
import { place, setQuery } from '../router';
import { info } from '../session';
import { t } from '../texts';
import type { Figures, Series } from '../types';
import { Chart } from '../ui/chart';
import { Command } from '../ui/copy';
import { Loading, Title } from '../ui/parts';

const perSecond = (value: number) => `${short(value)}/s`;
const charts: { name: string; series: string[]; format: (value: number) => string }[] = [
  { name: 'connections', series: ['connected', 'connections', 'strangers'], format: short },
  { name: 'connects', series: ['connects', 'refusals', 'ends'], format: perSecond },
  { name: 'messages', series: ['messages', 'mqtt_publishes_out', 'amqp_messages_out', 'events'], format: perSecond },
  { name: 'twins', series: ['twin_reads', 'twin_updates', 'commit_units'], format: perSecond },
  { name: 'rest', series: ['rest_2xx', 'rest_4xx', 'rest_5xx'], format: perSecond },
  { name: 'commit', series: ['commit_p50_seconds', 'commit_p99_seconds'], format: (value) => `${short(value * 1000)} ms` },
  { name: 'lag', series: ['lag_events'], format: short },
  { name: 'memory', series: ['memory_bytes', 'queued_bytes'], format: bytes },
];

const metricOf = ({ metric, label }: Series) => (label ? `${metric}{${label}}` : metric);

function Charts({ figures }: { figures: Figures }) {
  const length = Math.max(0, ...figures.series.map(({ values }) => values.length));
  const times = useMemo(() => {
    const end = Date.parse(figures.endsAt) / 1000;
    return Array.from({ length }, (_, i) => end - (length - 1 - i) * figures.stepSeconds);
  }, [figures.endsAt, figures.stepSeconds, length]);
  return (
    <div class="charts">
      {charts.map(({ name, series, format }) => {
        const found = series
          .map((one) => figures.series.find((candidate) => candidate.name === one))
          .filter((one): one is Series => one !== undefined);
        return (
          <Chart
            key={name}
            title={t.metricsPage.charts[name]!}
            format={format}
            metrics={found.filter(({ metric }) => metric !== '').map(metricOf)}
            data={{ times, lines: found.map((one) => ({ label: t.metricsPage.names[one.name] ?? one.name, values: one.values })) }}
          />
        );
      })}
    </div>
  );
}

const rereadMs = 10_000;

export function MetricsPage() {
  const range = place.value.query.range === '6h' ? '6h' : '15m';
  const figures = useLoad((signal) => get<Figures>(`/figures?range=${range}`, { signal }), [range]);
  const last = useSignal(0);
  // The stream says when there is something new; the range is read anew at most every ten seconds.
  useStream({ topics: ['figures'] }, () => {
    if (performance.now() - last.value < rereadMs) return;
    last.value = performance.now();
    figures.reload();
  });
  return (
    <>
      <Title text={t.pages.metrics} />
      <div class="row" role="group" aria-label={t.metricsPage.range}>
        {(['15m', '6h'] as const).map((one) => (
          <button key={one} type="button" aria-pressed={range === one} onClick={() => setQuery({ range: one === '15m' ? undefined : one })}>
            {t.metricsPage.ranges[one]}
          </button>
        ))}
      </div>
      <Loading of={figures}>{(data) => <Charts figures={data} />}</Loading>
      <Command line={`curl http://127.0.0.1:${info.value?.ports?.ops ?? 9600}/metrics`} />
    </>
  );
}
