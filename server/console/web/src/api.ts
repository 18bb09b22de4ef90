// Requests to the hub. An ended session is asked for again, and then the request goes on.
import { endedSession, info, session, setSession, tellSignedOut } from './session';
import type { Info, Session } from './types';
import { t } from './texts';

const root = '/console/api';
export const apiVersion = '2021-04-12';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly tracking = '',
  ) {
    super(message);
  }
}

export interface Options {
  body?: unknown;
  rawBody?: string; // a message's own bytes
  headers?: Record<string, string>;
  signal?: AbortSignal;
  anonymous?: boolean;
}

export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

function errorOf(status: number, headers: Headers, body: unknown): ApiError {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text =
    String(fields.message ?? fields.Message ?? fields.error ?? (typeof body === 'string' && body) ?? '') || t.errors.status(status);
  const code = headers.get('iothub-errorcode') ?? '';
  return new ApiError(
    status,
    code,
    text.replace(/^ErrorCode:\w+;\s*/, '').replace(/^BadRequest:\s*/, ''),
    String(fields.ExceptionMessage ?? ''),
  );
}

function loggedInAgain(): Promise<void> {
  endedSession.value = true;
  return new Promise((resolve, reject) => {
    const stop = endedSession.subscribe((ended) => {
      if (ended) return;
      queueMicrotask(() => stop());
      if (session.value) resolve();
      else reject(new ApiError(401, '', t.errors.signedOut));
    });
  });
}

export async function call<T = unknown>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  for (;;) {
    const token = session.value?.token;
    if (!token && !options.anonymous) throw new ApiError(401, '', t.errors.signedOut);
    const headers: Record<string, string> = { ...options.headers };
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    if (token && !options.anonymous) headers.authorization = `Bearer ${token}`;
    let response: Response;
    try {
      response = await fetch(root + path, {
        method,
        headers,
        signal: options.signal ?? null,
        cache: 'no-store',
        credentials: 'omit',
        body: options.rawBody ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, '', t.errors.unreachable);
    }
    const text = await response.text();
    let body: unknown = text;
    if (text && /json/.test(response.headers.get('content-type') ?? '')) body = JSON.parse(text);
    if (response.status === 401 && !options.anonymous) {
      if (token === session.value?.token) await recover();
      continue;
    }
    if (!response.ok) throw errorOf(response.status, response.headers, body);
    return { status: response.status, body: body as T, headers: response.headers };
  }
}

let recovering: Promise<void> | null = null;
/** One log-in for all requests that were refused. A hub of --dev that was restarted is opened again by itself. */
export function recover(): Promise<void> {
  recovering ??= (async () => {
    if (session.value?.dev) {
      try {
        await logIn({ dev: true });
        return;
      } catch {
        // asked for below
      }
    }
    await loggedInAgain();
  })().finally(() => {
    recovering = null;
  });
  return recovering;
}

const segment = (text: string) => encodeURIComponent(text);

/** A path of the REST door: words as they are, ids encoded. */
export function hubPath(strings: TemplateStringsArray, ...ids: string[]): string {
  return strings.reduce((path, text, i) => path + text + (i < ids.length ? segment(ids[i]!) : ''), '');
}

export function hub<T = unknown>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  return call<T>(method, `/hub${path}${path.includes('?') ? '&' : '?'}api-version=${apiVersion}`, options);
}

export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return (await call<T>('GET', path, options)).body;
}

export async function hubGet<T>(path: string, options: Options = {}): Promise<T> {
  return (await hub<T>('GET', path, options)).body;
}

export interface Page<T> {
  items: T[];
  more: string | undefined;
}

export async function query<T>(
  text: string,
  { size = 100, more, signal }: { size?: number; more?: string; signal?: AbortSignal } = {},
): Promise<Page<T>> {
  const headers: Record<string, string> = { 'x-ms-max-item-count': String(size) };
  if (more) headers['x-ms-continuation'] = more;
  const answer = await hub<T[]>('POST', '/devices/query', { body: { query: text }, headers, ...(signal ? { signal } : {}) });
  return { items: answer.body, more: answer.headers.get('x-ms-continuation') ?? undefined };
}

export async function loadInfo(): Promise<Info> {
  const headers: Record<string, string> = session.value ? { authorization: `Bearer ${session.value.token}` } : {};
  const answer = await call<Info>('GET', '/info', { headers, anonymous: true }).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 401 && session.value) {
      setSession(null);
      return call<Info>('GET', '/info', { anonymous: true });
    }
    throw error;
  });
  info.value = answer.body;
  return answer.body;
}

export type Credentials = { dev: true } | { policy: string; key: string } | { connectionString: string };

export async function logIn(credentials: Credentials): Promise<void> {
  const { body } = await call<Session>('POST', '/session', { body: credentials, anonymous: true });
  setSession({ token: body.token, policy: body.policy, rights: body.rights, ...('dev' in credentials ? { dev: true } : {}) });
  await loadInfo();
}

export async function logOut(): Promise<void> {
  const token = session.value?.token;
  if (!token) return;
  // Other tabs first: what they ask at this moment is not to sign them in again.
  tellSignedOut(token);
  await call('DELETE', '/session').catch(() => undefined);
  setSession(null);
  endedSession.value = false;
  await loadInfo().catch(() => undefined);
}
