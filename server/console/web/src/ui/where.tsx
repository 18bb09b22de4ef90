// The bar for a condition: completion of paths and words, a mark under the column of an error, a history.
import { useSignal } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import { queryWords, type QueryError } from '../lib/query';
import { t } from '../texts';

const stored = 'twinhub.conditions';

export function pastConditions(): string[] {
  try {
    return JSON.parse(localStorage.getItem(stored) ?? '[]') as string[];
  } catch {
    return [];
  }
}

export function rememberCondition(text: string): void {
  if (!text.trim()) return;
  localStorage.setItem(stored, JSON.stringify([text, ...pastConditions().filter((old) => old !== text)].slice(0, 20)));
}

/** The word that ends at the cursor. */
function wordAt(text: string, at: number): string {
  return /[\w.$[\]-]*$/.exec(text.slice(0, at))![0];
}

export function Where({
  value,
  onChange,
  paths,
  error,
  label,
}: {
  value: string;
  onChange: (text: string) => void;
  paths: string[];
  error: QueryError | undefined;
  label: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  const shown = useSignal<string[]>([]);
  const picked = useSignal(-1);
  const id = useId();
  const suggest = () => {
    const box = input.current!;
    const word = wordAt(box.value, box.selectionStart ?? 0).toLowerCase();
    picked.value = -1;
    shown.value =
      word.length === 0
        ? []
        : [...paths, ...queryWords].filter((one) => one.toLowerCase().startsWith(word) && one.toLowerCase() !== word).slice(0, 12);
  };
  const take = (text: string) => {
    const box = input.current!;
    const at = box.selectionStart ?? 0;
    const begin = at - wordAt(box.value, at).length;
    onChange(box.value.slice(0, begin) + text + box.value.slice(at));
    shown.value = [];
    requestAnimationFrame(() => box.setSelectionRange(begin + text.length, begin + text.length));
  };
  const key = (event: KeyboardEvent) => {
    const list = shown.value;
    if (list.length === 0) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      picked.value =
        event.key === 'ArrowDown' ? (picked.value + 1) % list.length : (Math.max(picked.value, 0) + list.length - 1) % list.length;
    } else if ((event.key === 'Enter' || event.key === 'Tab') && picked.value >= 0) {
      event.preventDefault();
      take(list[picked.value]!);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      shown.value = [];
    }
  };
  return (
    <div class="where">
      <label>
        <span>{label}</span>
        <input
          ref={input}
          value={value}
          placeholder={t.devices.whereHint}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          role="combobox"
          aria-expanded={shown.value.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={picked.value >= 0 ? `${id}-${picked.value}` : undefined}
          aria-invalid={error ? 'true' : undefined}
          aria-describedby={`${id}-error`}
          onInput={(event) => {
            onChange(event.currentTarget.value);
            suggest();
          }}
          onKeyDown={key}
          onBlur={() => {
            shown.value = [];
          }}
        />
      </label>
      {error?.column !== undefined && (
        <div class="mark" aria-hidden="true">
          {' '.repeat(error.column - 1)}^
        </div>
      )}
      <div id={`${id}-error`} role="alert">
        {error && (
          <span class="badge bad">
            {error.words}
            {error.column !== undefined && ` (${t.devices.at(error.column)})`}
          </span>
        )}
      </div>
      <ul id={`${id}-list`} class="suggest" role="listbox" aria-label={t.devices.suggestions} hidden={shown.value.length === 0}>
        {shown.value.map((one, i) => (
          <li
            key={one}
            id={`${id}-${i}`}
            role="option"
            aria-selected={picked.value === i}
            onMouseDown={(event) => {
              event.preventDefault();
              take(one);
            }}
          >
            {one}
          </li>
        ))}
      </ul>
    </div>
  );
}
