// Small parts of pages.
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Loaded } from '../hooks';
import { arrivals, follow } from '../router';
import { t } from '../texts';
import { visible } from '../lib/safe';
import { info } from '../session';

export function Link({
  to,
  children,
  class: name,
  label,
  current,
  row = false,
}: {
  to: string;
  children: ComponentChildren;
  class?: string;
  label?: string;
  current?: boolean;
  row?: boolean; // the keys j and k come by it
}) {
  return (
    <a
      href={to}
      class={name}
      aria-label={label}
      aria-current={current ? 'page' : undefined}
      data-row={row ? true : undefined}
      onClick={follow}
    >
      {children}
    </a>
  );
}

/** The page's heading: takes the focus when the page is entered. */
export function Title({ text, children, badge }: { text: string; children?: ComponentChildren; badge?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const arrival = arrivals.value;
  useEffect(() => {
    if (arrival > 0) heading.current?.focus();
  }, [arrival]);
  const shown = visible(text);
  const hub = info.value?.name ?? 'twinhub';
  useEffect(() => {
    document.title = `${shown} - ${hub}`;
  }, [shown, hub]);
  return (
    <div class="title">
      <h1 tabIndex={-1} ref={heading}>
        {shown}
      </h1>
      {badge}
      {children && <div class="actions">{children}</div>}
    </div>
  );
}

export function Note({ tone = 'info', children }: { tone?: 'info' | 'ok' | 'warn' | 'bad'; children: ComponentChildren }) {
  return <div class={`note ${tone}`}>{children}</div>;
}

export function Failure({ of }: { of: string | Error | undefined }) {
  const words = typeof of === 'string' ? of : of?.message;
  return (
    <div role="alert">
      {words ? (
        <Note tone="bad">
          <p>{visible(words)}</p>
        </Note>
      ) : null}
    </div>
  );
}

/** What was read, or that it is being read, or why not. */
export function Loading<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {of.error && (
        <Note tone="bad">
          <p role="alert">{visible(of.error.message)}</p>
          <div>
            <button type="button" onClick={of.reload}>
              {t.again}
            </button>
          </div>
        </Note>
      )}
      {of.data !== undefined
        ? children(of.data)
        : !of.error && (
            <p class="muted" role="status">
              {t.loading}
            </p>
          )}
    </>
  );
}

/** A table may be wider than the page: it scrolls by itself, also by keys. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="muted">{children}</p>;
}

/** A button that opens something: what is open stands in `of`. */
export function Opens<T>({ of, as, danger, children }: { of: Signal<T>; as: NoInfer<T>; danger?: boolean; children: ComponentChildren }) {
  return (
    <button
      type="button"
      class={danger ? 'danger' : undefined}
      onClick={() => {
        of.value = as;
      }}
    >
      {children}
    </button>
  );
}

export function Facts({ facts }: { facts: (readonly [string, ComponentChildren])[] }) {
  return <dl class="facts">{facts.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd>{value}</dd>])}</dl>;
}
