// The browser's own dialog: it keeps the focus inside, closes by Esc, and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { t } from '../texts';
import { Icon } from './icon';
import { DialogForm, Field } from './field';

export function Dialog({
  title,
  children,
  onClose,
  wide = false,
  closable = true,
}: {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
  closable?: boolean;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={wide ? 'wide' : ''}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (closable) onClose();
      }}
    >
      <div class="body">
        <div class="title">
          <h2 id={id}>{title}</h2>
          {closable && (
            <span class="actions">
              <button type="button" class="icon quiet" aria-label={t.close} onClick={onClose}>
                <Icon name="close" />
              </button>
            </span>
          )}
        </div>
        {children}
      </div>
    </dialog>
  );
}

/** What cannot be undone is confirmed by its name. */
export function Confirm({
  title,
  words,
  name,
  action,
  onDo,
  onClose,
}: {
  title: string;
  words: string;
  name?: string;
  action: string;
  onDo: () => Promise<void>;
  onClose: () => void;
}) {
  const typed = useSignal('');
  const failed = useSignal('');
  const busy = useSignal(false);
  const run = async () => {
    busy.value = true;
    try {
      await onDo();
      onClose();
    } catch (error) {
      failed.value = (error as Error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <DialogForm
        danger
        action={action}
        disabled={busy.value || (name !== undefined && typed.value !== name)}
        failed={failed.value}
        onCancel={onClose}
        onSubmit={() => void run()}
      >
        <p class="break">{words}</p>
        {name !== undefined && <Field label={t.typeName(name)} value={typed} autocomplete="off" spellcheck={false} />}
      </DialogForm>
    </Dialog>
  );
}
