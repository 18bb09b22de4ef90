import { useSignal } from '@preact/signals';
import { t } from '../texts';
import { announce } from './announce';
import { Icon } from './icon';

/** Outside of a secure context (plain HTTP over a network) there is no clipboard API. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

export function Copy({ text, label = t.copy, name }: { text: string | (() => string); label?: string; name?: string }) {
  const done = useSignal('');
  const copy = async () => {
    const copied = await toClipboard(typeof text === 'string' ? text : text());
    done.value = copied ? t.copied : t.notCopied;
    announce(done.value);
    setTimeout(() => {
      done.value = '';
    }, 2000);
  };
  return (
    <button type="button" onClick={() => void copy()} aria-label={name && !done.value ? `${label} ${name}` : undefined}>
      <Icon name="copy" />
      {done.value || label}
    </button>
  );
}

/** The same as a command line. */
export function Command({ line, curl }: { line: string; curl?: string }) {
  return (
    <div class="row small">
      <span class="command">
        <code>{line}</code>
      </span>
      <Copy text={line} name={t.command} />
      {curl && <Copy text={curl} label={t.copyCurl} />}
    </div>
  );
}
