// Starts the console: who is logged in, what the hub says of itself, then the frame with its pages.
import { render } from 'preact';
import './base.css';
import './parts.css';
import 'uplot/dist/uPlot.min.css';
import './theme';
import { loadInfo, logIn } from './api';
import { App } from './app';
import { askOtherTabs, info, session, setSession } from './session';

async function start(): Promise<void> {
  await askOtherTabs();
  while (!info.value) {
    const found = await loadInfo().catch(() => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1000)));
    // A session of an earlier life of the hub: info says no more than to a stranger.
    if (found && session.value && found.policy === undefined) await forget();
  }
}

async function forget(): Promise<void> {
  const wasDev = session.value?.dev;
  setSession(null);
  if (wasDev) await logIn({ dev: true }).catch(() => undefined);
}

render(<App />, document.getElementById('app')!);
void start();
