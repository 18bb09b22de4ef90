// Recipes hold places for a device's own values.

const places = /\{(host|deviceId|connectionString|key|mqttsPort|httpsPort)\}/g;

/** As text. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(places, (whole, name: string) => values[name] ?? whole);
}

/** For a shell, where every place stands between single quotes: an id may hold one, and "$(...)" behind it. */
export function fillForShell(text: string, values: Record<string, string>): string {
  return text.replace(places, (whole, name: string) => values[name]?.replace(/'/g, `'\\''`) ?? whole);
}
