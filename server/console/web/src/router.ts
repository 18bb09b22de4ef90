// The address holds all state of a page: its place, filters, tab, range. On the History API.
import { signal } from '@preact/signals';
import { pathTo, placeOf, type Place } from './lib/routes';

export const place = signal<Place>(placeOf(location.pathname, location.search));
/** Grows with each change of page: the title takes the focus. */
export const arrivals = signal(0);

function take(moved: boolean): void {
  place.value = placeOf(location.pathname, location.search);
  if (moved) arrivals.value += 1;
}

addEventListener('popstate', () => take(true));

export function go(path: string): void {
  const moved = path.split('?')[0] !== location.pathname;
  history.pushState(null, '', path);
  take(moved);
  if (moved) {
    scrollTo(0, 0);
    document.getElementById('main')?.scrollTo(0, 0);
  }
}

/** Filters: the address changes, the page stays, and Back leaves the page. */
export function setQuery(changes: Record<string, string | undefined>): void {
  const query: Record<string, string | undefined> = { ...place.value.query, ...changes };
  const search = pathTo([], query).split('?')[1];
  history.replaceState(null, '', location.pathname + (search ? `?${search}` : ''));
  take(false);
}

/** For <a onClick>: a plain click stays in the page, any other is the browser's. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.currentTarget as HTMLAnchorElement;
  event.preventDefault();
  go(link.pathname + link.search);
}
