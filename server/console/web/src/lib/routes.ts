// Addresses of the console, as pure functions: the page and its parameters out of a path, and back.

export const base = '/console';

export interface Place {
  page: PageName;
  params: Record<string, string>;
  query: Record<string, string>;
}

export type PageName =
  | 'overview'
  | 'devices'
  | 'device'
  | 'connect'
  | 'events'
  | 'connections'
  | 'jobs'
  | 'job'
  | 'configurations'
  | 'configuration'
  | 'metrics'
  | 'hub'
  | 'unknown';

const patterns: [PageName, string[]][] = [
  ['overview', []],
  ['devices', ['devices']],
  ['device', ['devices', ':id']],
  ['device', ['devices', ':id', ':tab']],
  ['connect', ['connect']],
  ['connect', ['connect', ':id']],
  ['events', ['events']],
  ['connections', ['connections']],
  ['jobs', ['jobs']],
  ['job', ['jobs', ':id']],
  ['configurations', ['configurations']],
  ['configuration', ['configurations', ':id']],
  ['metrics', ['metrics']],
  ['hub', ['hub']],
];

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text).replace(/^~(?=\.\.?$)/, '');
  } catch {
    return undefined;
  }
}

export function placeOf(path: string, search: string): Place {
  const query = Object.fromEntries(new URLSearchParams(search));
  const unknown: Place = { page: 'unknown', params: {}, query };
  if (path !== base && !path.startsWith(`${base}/`)) return unknown;
  const segments = path
    .slice(base.length)
    .split('/')
    .filter((segment) => segment !== '');
  for (const [page, pattern] of patterns) {
    if (pattern.length !== segments.length) continue;
    const params: Record<string, string> = {};
    const matches = pattern.every((wanted, i) => {
      if (!wanted.startsWith(':')) return wanted === segments[i];
      const value = decode(segments[i]!);
      if (value !== undefined) params[wanted.slice(1)] = value;
      return value !== undefined;
    });
    if (matches) return { page, params, query };
  }
  return unknown;
}

/** "." and ".." would be taken for steps of the path, even percent-encoded; no id holds a "~". */
export function encodeSegment(text: string): string {
  return text === '.' || text === '..' ? `~${text}` : encodeURIComponent(text);
}

export function pathTo(segments: string[], query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, value);
  }
  const text = search.toString();
  return `${base}/${segments.map(encodeSegment).join('/')}${text ? `?${text}` : ''}`;
}
