// A state in word, shape and colour, never in colour alone.
import type { ComponentChildren } from 'preact';

export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'none';

const shapes: Record<Tone, string> = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z', // disc
  warn: 'M8 1l7 13H1z', // triangle
  bad: 'M3 1h10l2 2v10l-2 2H3l-2-2V3z', // sign
  info: 'M2 2h12v12H2z', // square
  none: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z', // ring
};

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={shapes[tone]} fill="currentColor" fill-rule="evenodd" />
      </svg>
      <span>{children}</span>
    </span>
  );
}
