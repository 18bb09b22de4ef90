// Who is logged in. The token lives in this tab's sessionStorage; a new tab asks the open ones for it.
import { signal } from '@preact/signals';
import type { Info, Session } from './types';

const key = 'twinhub.session';

export const session = signal<Session | null>(read());
export const info = signal<Info | null>(null);
/** The session ended while the page was in use: it is asked for again, over the page. */
export const endedSession = signal(false);

function read(): Session | null {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null') as Session | null;
  } catch {
    return null;
  }
}

export function setSession(next: Session | null): void {
  session.value = next;
  if (next) sessionStorage.setItem(key, JSON.stringify(next));
  else sessionStorage.removeItem(key);
  if (next) endedSession.value = false;
}

export function may(...rights: string[]): boolean {
  return rights.some((right) => session.value?.rights.includes(right));
}

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('twinhub-console') : null;

channel?.addEventListener('message', ({ data }: MessageEvent<{ ask?: true; session?: Session; signedOut?: string }>) => {
  if (data.ask && session.value && !endedSession.value) channel.postMessage({ session: session.value });
  if (data.session && !session.value) setSession(data.session);
  if (data.signedOut && data.signedOut === session.value?.token) setSession(null);
});

export function tellSignedOut(token: string): void {
  channel?.postMessage({ signedOut: token });
}

/** Waits a moment for an open tab to answer. */
export async function askOtherTabs(): Promise<void> {
  if (session.value || !channel) return;
  channel.postMessage({ ask: true });
  for (let i = 0; i < 10 && !session.value; i += 1) await new Promise((resolve) => setTimeout(resolve, 20));
}
