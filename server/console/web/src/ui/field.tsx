// Labelled inputs whose text is a signal, and the frame of a form in a dialog.
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { t } from '../texts';
import { Failure } from './parts';

interface Labelled {
  label: ComponentChildren;
  value: Signal<string>;
  grow?: boolean; // it takes the room that is left in its row
}
interface InputRest {
  type?: 'text' | 'number' | 'password';
  required?: boolean;
  disabled?: boolean;
  class?: string;
  placeholder?: string;
  list?: string;
  maxLength?: number;
  min?: number;
  max?: number;
  spellcheck?: boolean;
  autocomplete?: 'off' | 'username' | 'current-password';
}

export function Field({ label, value, grow, ...rest }: Labelled & InputRest) {
  return (
    <label class={grow ? 'grow' : undefined}>
      <span>{label}</span>
      <input
        {...(rest as object)}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
    </label>
  );
}

export function Area({ label, value, grow, rows }: Labelled & { rows?: number }) {
  return (
    <label class={grow ? 'grow' : undefined}>
      <span>{label}</span>
      <textarea
        spellcheck={false}
        rows={rows}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
    </label>
  );
}

/** `options`: what each value is called. */
export function Choice<T extends string>({
  label,
  value,
  options,
}: {
  label: ComponentChildren;
  value: Signal<T>;
  options: readonly (readonly [T, string])[];
}) {
  return (
    <label>
      <span>{label}</span>
      <select
        value={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.value as T;
        }}
      >
        {options.map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A form in a dialog: its fields, why it failed, and its buttons. */
export function DialogForm({
  action,
  danger = false,
  disabled,
  failed,
  onCancel,
  onSubmit,
  children,
}: {
  action: string;
  danger?: boolean;
  disabled: boolean;
  failed: string;
  onCancel: () => void;
  onSubmit: () => void;
  children: ComponentChildren;
}) {
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <Failure of={failed} />
      <div class="row end">
        <button type="button" onClick={onCancel}>
          {t.cancel}
        </button>
        <button type="submit" class={danger ? 'danger' : 'primary'} disabled={disabled}>
          {action}
        </button>
      </div>
    </form>
  );
}
