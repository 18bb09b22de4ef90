import { signal } from '@preact/signals';

const stored = 'twinhub.theme';
export type Theme = 'system' | 'light' | 'dark';

function read(): Theme {
  const value = localStorage.getItem(stored);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = signal<Theme>(read());

function apply(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

export function setTheme(next: Theme): void {
  theme.value = next;
  localStorage.setItem(stored, next);
  apply();
}

apply();
