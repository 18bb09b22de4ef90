// Text from outside: shown as text, with what is hidden in it made visible, and cut when it is long.
import { useState } from 'preact/hooks';
import { cut, piecesOf } from '../lib/safe';
import { t } from '../texts';

export function Text({ of, max = 300, lines = false }: { of: string; max?: number; lines?: boolean }) {
  const [all, setAll] = useState(false);
  const { text, rest } = all ? { text: of, rest: 0 } : cut(of, max);
  return (
    <>
      <bdi>{piecesOf(text, { lines }).map((piece) => (piece.escaped ? <span class="esc">{piece.text}</span> : piece.text))}</bdi>
      {rest > 0 && (
        <>
          {' '}
          <button type="button" class="quiet small" onClick={() => setAll(true)}>
            {t.showAll(of.length)}
          </button>
        </>
      )}
    </>
  );
}

/** A value of a twin or a body in one line. */
export function Value({ of, max = 120 }: { of: unknown; max?: number }) {
  if (of === undefined)
    return (
      <span class="muted" aria-label={t.nothing}>
        –
      </span>
    );
  return (
    <span class="mono">
      <Text of={JSON.stringify(of)} max={max} />
    </span>
  );
}

/** JSON or text in full. */
export function Block({ of, max = 4000 }: { of: string; max?: number }) {
  return (
    <pre tabIndex={0}>
      <Text of={of} max={max} lines />
    </pre>
  );
}
