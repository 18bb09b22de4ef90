// Line charts, loaded when the first is shown.
import uPlot from 'uplot';
import { colours, dashes } from '../lib/series';

export interface Line {
  label: string;
  values: (number | null)[];
}
export interface ChartData {
  times: number[];
  lines: Line[];
} // seconds since 1970

function resolved(host: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  host.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

export function mountChart(
  host: HTMLElement,
  data: ChartData,
  format: (value: number) => string,
): { set: (data: ChartData) => void; destroy: () => void } {
  const rows = (of: ChartData) => [of.times, ...of.lines.map(({ values }) => values)] as uPlot.AlignedData;
  const muted = resolved(host, '--muted');
  const line = resolved(host, '--line');
  const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const chart = new uPlot(
    {
      width: Math.max(host.clientWidth, 100),
      height: 180,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, min, max) => [Math.min(0, min ?? 0), max && max > 0 ? max * 1.05 : 1] } },
      axes: [
        {
          ...axis,
          values: [
            [3600, '{HH}:{mm}'],
            [60, '{HH}:{mm}'],
            [1, '{HH}:{mm}:{ss}'],
          ],
        },
        { ...axis, size: 64, values: (_, values) => values.map(format) },
      ],
      series: [
        {},
        ...data.lines.map(({ label }, i) => ({
          label,
          stroke: resolved(host, colours[i % colours.length]!),
          width: 1.5,
          dash: dashes[i % dashes.length]!,
          points: { show: false },
        })),
      ],
    },
    rows(data),
    host,
  );
  const watch = new ResizeObserver(() => chart.setSize({ width: Math.max(host.clientWidth, 100), height: 180 }));
  watch.observe(host);
  return {
    set: (next) => chart.setData(rows(next)),
    destroy: () => {
      watch.disconnect();
      chart.destroy();
    },
  };
}
