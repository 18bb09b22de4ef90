// A part of a page whose code comes when it is first shown.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../texts';

export function Later<P extends object>({ load, props }: { load: () => Promise<ComponentType<P>>; props: P }) {
  const [Part, setPart] = useState<{ of: ComponentType<P> } | 'loading' | 'failed'>('loading');
  useEffect(() => {
    let gone = false;
    load().then(
      (part) => !gone && setPart({ of: part }),
      () => !gone && setPart('failed'),
    );
    return () => {
      gone = true;
    };
  }, []);
  if (typeof Part === 'object') return <Part.of {...props} />;
  return (
    <p class="muted" role="status">
      {Part === 'failed' ? t.errors.unreachable : t.loading}
    </p>
  );
}
