// A small line of the last minutes, with a sentence that says the same.
import { short } from '../lib/format';
import { t } from '../texts';

const pointsMax = 120;

/** The means of equal parts. */
function thinned(values: (number | null)[]): (number | null)[] {
  const step = Math.ceil(values.length / pointsMax);
  if (step < 2) return values;
  return Array.from({ length: Math.ceil(values.length / step) }, (_, i) => {
    const known = values.slice(i * step, (i + 1) * step).filter((value): value is number => value !== null);
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
  });
}

/** `zero`: the scale begins at 0; else the line fills its height. */
export function Spark({ values, label, zero = true }: { values: (number | null)[]; label: string; zero?: boolean }) {
  const known = values.filter((value): value is number => value !== null);
  const first = values.findIndex((value) => value !== null); // of a hub that has just begun: the line fills its width
  if (known.length < 2) return <div class="spark" aria-hidden="true" />;
  const most = Math.max(...known);
  const least = Math.min(...(zero ? [0] : []), ...known);
  const y = (value: number) => (most === least ? 38 : 38 - (36 * (value - least)) / (most - least)).toFixed(1);
  let path = '';
  let pen = 'M';
  const points = thinned(values.slice(first));
  points.forEach((value, i) => {
    if (value === null) pen = 'M';
    else {
      path += `${pen}${((300 * i) / Math.max(1, points.length - 1)).toFixed(1)} ${y(value)}`;
      pen = 'L';
    }
  });
  const last = known[known.length - 1]!;
  return (
    <svg class="spark" viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label={t.sparkLine(label, short(last), short(most))}>
      <path d={path} />
    </svg>
  );
}
