// What pages use again and again: data read once and anew, the stream, the present time.
import { useSignal, type Signal, signal } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { epoch, subscribe, type Wish } from './stream';

/** The present time, each second while the page is seen. */
export const now = signal(Date.now());
setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 1000);

export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  reload: () => void;
}

/** Reads when `keys` change, and anew when the hub is back. What was read stays until the next is there. */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error; loading: boolean }>({ key: '', loading: true });
  const [again, setAgain] = useState(0);
  const key = JSON.stringify(keys);
  const latest = useRef(read);
  latest.current = read;
  const present = epoch.value;
  useEffect(() => {
    const control = new AbortController();
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    latest.current(control.signal).then(
      (data) => {
        if (!control.signal.aborted) setState({ key, data, loading: false });
      },
      (error: unknown) => {
        if (!control.signal.aborted) setState((old) => ({ ...old, key, error: error as Error, loading: false }));
      },
    );
    return () => control.abort();
  }, [key, again, present]);
  const reload = useCallback(() => setAgain((n) => n + 1), []);
  const own = state.key === key ? state : { loading: true, data: undefined, error: undefined };
  return { data: own.data, error: own.error, loading: own.loading, reload };
}

/** Takes part in the tab's stream while the component is shown. */
export function useStream(wish: Wish | null, handler: (event: string, data: unknown, id: string | undefined) => void): void {
  const latest = useRef(handler);
  latest.current = handler;
  const key = JSON.stringify(wish);
  useEffect(() => {
    if (!wish) return undefined;
    return subscribe(wish, (event, data, id) => latest.current(event, data, id));
  }, [key]);
}

export function useBusy(): [Signal<boolean>, Signal<string>, (work: () => Promise<void>) => Promise<boolean>] {
  const busy = useSignal(false);
  const failed = useSignal('');
  const run = useCallback(async (work: () => Promise<void>) => {
    busy.value = true;
    failed.value = '';
    try {
      await work();
      return true;
    } catch (error) {
      failed.value = (error as Error).message;
      return false;
    } finally {
      busy.value = false;
    }
  }, []);
  return [busy, failed, run];
}
