// Keys of the console. Single ones can be switched off (WCAG 2.1.4).
import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { pathTo } from './lib/routes';
import { go } from './router';

const stored = 'twinhub.keys';
export const singleKeys = signal(localStorage.getItem(stored) !== 'off');
export const keyList = signal(false);

export function setSingleKeys(on: boolean): void {
  singleKeys.value = on;
  localStorage.setItem(stored, on ? 'on' : 'off');
}

const handlers: [string, () => void][] = [];

/** While the component is shown; the newest one wins. */
export function useKey(key: string, handler: () => void): void {
  const latest = useRef(handler);
  latest.current = handler;
  // As soon as what it is for can be seen.
  useLayoutEffect(() => {
    const own: [string, () => void] = [key, () => latest.current()];
    handlers.unshift(own);
    return () => {
      handlers.splice(handlers.indexOf(own), 1);
    };
  }, [key]);
}

const places: Record<string, string> = {
  o: '',
  d: 'devices',
  e: 'events',
  c: 'connections',
  j: 'jobs',
  a: 'configurations',
  m: 'metrics',
  h: 'hub',
};
let leading = false;
let leadingTimer: ReturnType<typeof setTimeout> | undefined;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    (target.matches('input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]') || target.shadowRoot !== null)
  );
}

function moveRow(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.metaKey || event.altKey) return;
  if (event.ctrlKey) {
    const save = event.key === 's' && handlers.find(([key]) => key === 'Ctrl+S');
    if (!save) return;
    event.preventDefault();
    save[1]();
    return;
  }
  if (!singleKeys.value || isTyping(event.target) || document.querySelector('dialog[open]')) return;
  if (leading) {
    leading = false;
    clearTimeout(leadingTimer);
    const page = places[event.key];
    if (page === undefined) return;
    event.preventDefault();
    go(pathTo(page ? [page] : []));
    return;
  }
  const own = handlers.find(([key]) => key === event.key);
  const built: Record<string, () => void> = {
    g: () => {
      leading = true;
      leadingTimer = setTimeout(() => {
        leading = false;
      }, 1500);
    },
    '/': () => document.querySelector<HTMLElement>('#search')?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    '?': () => {
      keyList.value = true;
    },
  };
  const action = own?.[1] ?? built[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
