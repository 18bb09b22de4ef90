// The Devices page's bar: a condition of the query language, a whole SELECT, or plain words.

const prefix = 'SELECT * FROM devices WHERE ';

export type Asked =
  | { kind: 'all'; query: string; shift: 0 }
  | { kind: 'words'; query: string; shift: 0 }
  | { kind: 'condition'; query: string; shift: number }
  | { kind: 'select'; query: string; shift: 0 };

const operators = /[=<>!()]|\b(AND|OR|NOT|IN|NIN)\b|\bIS_\w+|\./i;

/** What the server is asked for; `shift` is how far its columns are behind the reader's own. */
export function askedOf(text: string): Asked {
  const own = text.trim();
  if (own === '') return { kind: 'all', query: 'SELECT * FROM devices', shift: 0 };
  if (/^select\b/i.test(own)) return { kind: 'select', query: own, shift: 0 };
  if (isIdOnly(own)) return { kind: 'words', query: `${prefix}STARTSWITH(deviceId, ${quoted(own)})`, shift: 0 };
  return { kind: 'condition', query: prefix + own, shift: prefix.length };
}

// A device id may hold a dot, a condition of one word means nothing: "site.pump-1" is an id, "tags.a = 1" is not.
function isIdOnly(text: string): boolean {
  if (/\s/.test(text)) return !operators.test(text);
  return !/[=<>!()]/.test(text);
}

export function quoted(text: string): string {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
}

export interface QueryError {
  words: string;
  column?: number; // the first is 1, in the reader's own text
}

/** "ErrorCode:ArgumentInvalid;BadRequest: unexpected '=' at line 1, column 40", with the offset taken off. */
export function queryError(message: string, asked: Asked, text: string): QueryError {
  const words = message.replace(/^ErrorCode:\w+;\s*/, '').replace(/^BadRequest:\s*/, '');
  const found = /^([\s\S]*) at line (\d+), column (\d+)$/.exec(words);
  if (!found || asked.kind === 'all' || asked.kind === 'words') return { words };
  const line = Number(found[2]);
  const leading = text.length - text.trimStart().length;
  let column = Number(found[3]);
  if (line === 1) column = Math.max(1, column - asked.shift);
  // The bar has one line: earlier lines count.
  const before = text
    .trim()
    .split('\n')
    .slice(0, line - 1)
    .reduce((sum, part) => sum + [...part].length + 1, 0);
  return { words: found[1]!, column: leading + before + column };
}

/** Paths that rows of a page have, for completion: "tags.site", "properties.reported.fan.speed". */
export function pathsIn(twins: unknown[], max = 200): string[] {
  const paths = new Set<string>();
  const visit = (value: unknown, path: string, depth: number) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > 6) return;
    for (const [key, child] of Object.entries(value)) {
      if (key.startsWith('$') || paths.size >= max || !/^[\w-]+$/.test(key)) continue;
      const here = `${path}.${key.includes('-') ? `[[${key}]]` : key}`;
      if (typeof child === 'object' && child !== null && !Array.isArray(child)) visit(child, here, depth + 1);
      else paths.add(here);
    }
  };
  for (const twin of twins as { tags?: unknown; properties?: { desired?: unknown; reported?: unknown } }[]) {
    visit(twin.tags, 'tags', 0);
    visit(twin.properties?.reported, 'properties.reported', 0);
    visit(twin.properties?.desired, 'properties.desired', 0);
  }
  return [...paths].sort();
}

export const queryWords = [
  'deviceId',
  'status',
  'connectionState',
  'lastActivityTime',
  'AND',
  'OR',
  'NOT',
  'IN',
  'STARTSWITH(',
  'ENDSWITH(',
  'CONTAINS(',
  'IS_DEFINED(',
  'IS_NULL(',
  'IS_NUMBER(',
  'IS_STRING(',
  'IS_BOOL(',
  'IS_OBJECT(',
  'IS_ARRAY(',
];
