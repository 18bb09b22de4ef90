import { useSignal } from '@preact/signals';
import { logIn, type Credentials } from '../api';
import { useBusy } from '../hooks';
import { endedSession, info, setSession } from '../session';
import { t } from '../texts';
import { Command } from '../ui/copy';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { Failure, Note, Title } from '../ui/parts';

function Form() {
  const by = useSignal<'key' | 'string'>('key');
  const policy = useSignal('iothubowner');
  const secret = useSignal('');
  const [busy, failed, run] = useBusy();
  const hub = info.value!;
  const enter = (credentials: Credentials) =>
    void run(async () => {
      await logIn(credentials);
      secret.value = '';
    });
  const submit = (event: Event) => {
    event.preventDefault();
    const text = secret.value.trim();
    // A pasted connection string is one, whatever was picked.
    enter(by.value === 'string' || /^HostName=/i.test(text) ? { connectionString: text } : { policy: policy.value.trim(), key: text });
  };
  if (hub.login === 'refused')
    return (
      <Note tone="warn">
        <p>{hub.loginRefused}</p>
      </Note>
    );
  return (
    <div class="stack">
      {hub.devLogin && (
        <div class="panel">
          <p>{t.login.devWords}</p>
          <div>
            <button type="button" class="primary" disabled={busy.value} onClick={() => enter({ dev: true })}>
              {t.login.dev}
            </button>
          </div>
        </div>
      )}
      <form class="panel" onSubmit={submit}>
        <fieldset class="row">
          <legend class="hidden">{t.login.by}</legend>
          {(['key', 'string'] as const).map((kind) => (
            <label class="inline" key={kind}>
              <input
                type="radio"
                name="by"
                checked={by.value === kind}
                onChange={() => {
                  by.value = kind;
                }}
              />
              <span>{kind === 'key' ? t.login.byKey : t.login.byString}</span>
            </label>
          ))}
        </fieldset>
        {by.value === 'key' && <Field label={t.login.policy} value={policy} autocomplete="username" spellcheck={false} required />}
        <Field
          label={by.value === 'key' ? t.login.key : t.login.connectionString}
          value={secret}
          type="password"
          autocomplete="current-password"
          required
        />
        <Failure of={failed.value} />
        <div>
          <button type="submit" class={hub.devLogin ? '' : 'primary'} disabled={busy.value}>
            {t.login.action}
          </button>
        </div>
        <p class="muted small">{t.login.forgotten}</p>
      </form>
      <div class="stack small">
        <p class="muted">{t.login.where}</p>
        <Command line={t.login.whereCommand} />
      </div>
    </div>
  );
}

export function Login({ over = false }: { over?: boolean }) {
  if (over) {
    const leave = () => {
      setSession(null);
      endedSession.value = false;
    };
    return (
      <Dialog title={t.login.again} onClose={leave}>
        <p>{t.login.againWords}</p>
        <Form />
      </Dialog>
    );
  }
  return (
    <main class="login">
      <Title text={t.login.title(info.value!.name)} />
      <Form />
    </main>
  );
}
