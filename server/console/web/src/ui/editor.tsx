// JSON editors and differences as parts of a page; their code comes when the first is shown.
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { Editor, EditorOptions } from '../editor/code';
import { t } from '../texts';

export function JsonEditor({ options, handle }: { options: EditorOptions; handle?: (editor: Editor | null) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(options);
  latest.current = options;
  const state = useSignal<'loading' | 'ready' | 'failed'>('loading');
  useEffect(() => {
    let editor: Editor | null = null;
    let gone = false;
    import('../editor/code').then(
      ({ mountEditor }) => {
        if (gone) return;
        editor = mountEditor(host.current!, {
          ...latest.current,
          onChange: (text) => latest.current.onChange?.(text),
          onSave: () => latest.current.onSave?.(),
        });
        state.value = 'ready';
        host.current!.hidden = false; // before it is asked to take the focus
        handle?.(editor);
      },
      () => {
        state.value = 'failed';
      },
    );
    return () => {
      gone = true;
      editor?.destroy();
      handle?.(null);
    };
  }, []);
  return (
    <>
      {state.value !== 'ready' && (
        <p class="muted" role="status">
          {state.value === 'failed' ? t.errors.unreachable : t.loading}
        </p>
      )}
      <div class="editor" ref={host} hidden={state.value !== 'ready'} />
    </>
  );
}

export function Difference({ a, b }: { a: { text: string; label: string }; b: { text: string; label: string } }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let view: { destroy: () => void } | null = null;
    let gone = false;
    void import('../editor/code').then(({ mountDifference }) => {
      if (!gone) view = mountDifference(host.current!, a, b);
    });
    return () => {
      gone = true;
      view?.destroy();
    };
  }, [a.text, b.text]);
  return <div class="editor" ref={host} />;
}
