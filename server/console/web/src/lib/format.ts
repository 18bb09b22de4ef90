// Numbers, sizes and times as a reader expects them. Pure: the present time comes in.

export const never = '0001-01-01T00:00:00Z';

export function isTime(text: string | null | undefined): text is string {
  return !!text && !text.startsWith('0001-') && !Number.isNaN(Date.parse(text));
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits that count: 0.42, 9.6, 412, 12.3 k. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)} G`;
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return trim(value);
}

function trim(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let left = value;
  while (Math.abs(left) >= 1024 && at < units.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${at === 0 ? Math.round(left) : trim(left)} ${units[at]}`;
}

/** "3 d 2 h", "41 s": two units at most. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 && minutes < 10 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 100 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** One unit: "2 s", "3 h", "5 d"; below a second "now". */
export function age(seconds: number): string {
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Local time: of today "16:28:22", of another day with its date. */
export function clock(time: Date, now: Date): string {
  const hours = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return time.toDateString() === now.toDateString() ? hours : `${date(time)} ${hours}`;
}

export function date(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

export function utc(text: string): string {
  return `${text.slice(0, 19).replace('T', ' ')} UTC`;
}

export function plural(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** For a shell: in single quotes unless it is a plain word. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}
