// What has changed, said to screen readers: one summary in five seconds at most, never each event.
import { signal } from '@preact/signals';

const said = signal('');
let waiting: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  if (!waiting.includes(text)) waiting.push(text);
  timer ??= setTimeout(say, said.value ? 5000 : 50);
}

function say(): void {
  timer = undefined;
  said.value = waiting.slice(-3).join('. ');
  waiting = [];
  setTimeout(() => {
    said.value = '';
  }, 4900);
}

export function Announcer() {
  return (
    <div class="hidden" role="status" aria-live="polite">
      {said.value}
    </div>
  );
}
