// The same request for a shell. Never with a key: the token is made where the command runs.
import { apiVersion } from '../api';
import { shellQuoted } from '../lib/format';
import { info } from '../session';

export function curlOf(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): string {
  const host = info.value?.hostNames?.[0] ?? 'localhost';
  const port = info.value?.ports?.https ?? 443;
  const url = `https://${host}${port === 443 ? '' : `:${port}`}${path}${path.includes('?') ? '&' : '?'}api-version=${apiVersion}`;
  const parts = ['curl --cacert ca.pem -H "Authorization: $(twinhub token)"'];
  if (method !== 'GET') parts.push(`-X ${method}`);
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${shellQuoted(JSON.stringify(body))}`);
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${shellQuoted(`${name}: ${value}`)}`);
  parts.push(shellQuoted(url));
  return parts.join(' ');
}
