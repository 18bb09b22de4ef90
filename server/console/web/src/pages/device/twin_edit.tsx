// Changing a twin: two editors, the patch that is sent, If-Match, and a merge when somebody was quicker.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, hub } from '../../api';
import { useBusy } from '../../hooks';
import { useKey } from '../../keys';
import { bytes } from '../../lib/format';
import { isObject, pretty, same, withoutHubMembers, type JsonObject } from '../../lib/json';
import { mergeThreeWays, withLeaf, type Conflict } from '../../lib/merge';
import { changesOf, isEmpty, makePatch } from '../../lib/patch';
import { brokenRules, countedBytes, propertiesBytesLimit, tagsBytesLimit } from '../../lib/twin_rules';
import type { Editor } from '../../editor/code';
import { t } from '../../texts';
import type { Twin } from '../../types';
import { announce } from '../../ui/announce';
import { Confirm } from '../../ui/dialog';
import { JsonEditor } from '../../ui/editor';
import { Failure, Note, Scroll } from '../../ui/parts';
import { Text, Value } from '../../ui/text';
import { twinPath, type DeviceContext } from './device';

/** Both sides that can be written, as one document. */
interface Sides extends JsonObject {
  tags: JsonObject;
  desired: JsonObject;
}

export const sidesOf = (twin: Twin): Sides => ({ tags: withoutHubMembers(twin.tags), desired: withoutHubMembers(twin.properties.desired) });

/** The body of PATCH /twins/{id} out of a patch of both sides. */
function bodyOf(patch: JsonObject): JsonObject {
  const body: JsonObject = {};
  if (patch.tags !== undefined) body.tags = patch.tags;
  if (patch.desired !== undefined) body.properties = { desired: patch.desired };
  return body;
}

/** The etag grows with what the device reports, too: where tags and desired are as they were, the patch goes on. */
async function send(context: DeviceContext, patch: JsonObject, before: Twin): Promise<Twin | { theirs: Twin }> {
  const path = twinPath(context.target);
  let known = before;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return (await hub<Twin>('PATCH', path, { body: bodyOf(patch), headers: { 'if-match': `"${known.etag}"` } })).body;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      known = (await hub<Twin>('GET', path)).body;
      if (attempt === 5 || !same(sidesOf(known), sidesOf(before))) return { theirs: known };
    }
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function Meter({ section, limit }: { section: JsonObject | undefined; limit: number }) {
  if (!section) return <span class="badge bad">{t.twin.invalid}</span>;
  const size = countedBytes(section);
  const broken = brokenRules(section);
  return (
    <div class="row small">
      <div class={`meter ${size >= limit ? 'bad' : ''}`} style={{ width: '8rem' }} aria-hidden="true">
        <div style={{ width: `${Math.min(100, (100 * size) / limit)}%` }} />
      </div>
      <span class={size >= limit ? 'badge bad' : ''}>
        {t.twin.size(bytes(size), bytes(limit))}
        {size >= limit && `: ${t.twin.tooLarge}`}
      </span>
      {broken.length > 0 && (
        <span class="badge bad">
          <Text of={`${broken[0]!.path.join('.')}: ${t.twin.rules[broken[0]!.rule]}`} />
        </span>
      )}
    </div>
  );
}

function Changes({ patch }: { patch: JsonObject }) {
  const changes = changesOf(patch);
  return (
    <Scroll label={t.twin.patch}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.twin.property}</th>
            <th scope="col">{t.twin.patch}</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, 200).map(({ path, value }) => (
            <tr key={path.join('\0')}>
              <th scope="row" class="mono break">
                <Text of={path.join('.')} />
              </th>
              <td class="break">{value === undefined ? <span class="badge bad">{t.twin.removed}</span> : <Value of={value} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Leaves that both have changed: one has to be taken. */
function Conflicts({
  conflicts,
  picks,
  onPick,
}: {
  conflicts: Conflict[];
  picks: Record<string, 'mine' | 'theirs'>;
  onPick: (key: string, side: 'mine' | 'theirs') => void;
}) {
  return (
    <Scroll label={t.twin.meanwhile}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.twin.property}</th>
            <th scope="col">{t.twin.base}</th>
            <th scope="col">{t.twin.theirs}</th>
            <th scope="col">{t.twin.mine}</th>
            <th scope="col">{t.twin.take}</th>
          </tr>
        </thead>
        <tbody>
          {conflicts.map(({ path, base, mine, theirs }) => {
            const key = JSON.stringify(path);
            const show = (value: typeof base) => (value === undefined ? <span class="muted">{t.twin.removed}</span> : <Value of={value} />);
            return (
              <tr key={key}>
                <th scope="row" class="mono break">
                  <Text of={path.join('.')} />
                </th>
                <td>{show(base)}</td>
                <td>{show(theirs)}</td>
                <td>{show(mine)}</td>
                <td>
                  <fieldset class="row">
                    <legend class="hidden">
                      {t.twin.decide} {path.join('.')}
                    </legend>
                    {(['theirs', 'mine'] as const).map((side) => (
                      <label class="inline" key={side}>
                        <input type="radio" name={key} checked={picks[key] === side} onChange={() => onPick(key, side)} />
                        <span>{t.twin[side]}</span>
                      </label>
                    ))}
                  </fieldset>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

export function TwinEditor({ context, onClose }: { context: DeviceContext; onClose: (saved?: { before: Twin; after: Twin }) => void }) {
  const base = useSignal(context.twin.data!);
  const sides = sidesOf(base.value);
  const tags = useSignal(pretty(sides.tags));
  const desired = useSignal(pretty(sides.desired));
  const editors = useRef<{ tags: Editor | null; desired: Editor | null }>({ tags: null, desired: null });
  const meeting = useSignal<{ theirs: Twin; conflicts: Conflict[]; mine: Sides } | null>(null);
  const picks = useSignal<Record<string, 'mine' | 'theirs'>>({});
  const leaving = useSignal(false);
  const [busy, failed, run] = useBusy();

  const mine = { tags: parsed(tags.value), desired: parsed(desired.value) };
  const whole = mine.tags && mine.desired ? { tags: mine.tags, desired: mine.desired } : undefined;
  const patch = whole ? makePatch(sides, whole) : {};
  const broken =
    !whole ||
    brokenRules(whole.tags).length > 0 ||
    brokenRules(whole.desired).length > 0 ||
    countedBytes(whole.tags) >= tagsBytesLimit ||
    countedBytes(whole.desired) >= propertiesBytesLimit;
  const unsaved = !whole || !isEmpty(patch);

  useEffect(() => {
    if (!unsaved) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [unsaved]);

  const show = (next: Sides) => {
    editors.current.tags?.set(pretty(next.tags));
    editors.current.desired?.set(pretty(next.desired));
    tags.value = pretty(next.tags);
    desired.value = pretty(next.desired);
  };
  const save = () =>
    void run(async () => {
      if (broken || !whole || isEmpty(patch) || meeting.value) return;
      const after = await send(context, patch, base.value);
      if (!('theirs' in after)) {
        announce(t.twin.saved);
        onClose({ before: base.value, after });
        return;
      }
      picks.value = {};
      meeting.value = { theirs: after.theirs, conflicts: mergeThreeWays(sides, whole, sidesOf(after.theirs)).conflicts, mine: whole };
      announce(t.twin.meanwhile);
    });
  const settle = () => {
    const { theirs, conflicts, mine: own } = meeting.value!;
    let next = mergeThreeWays(sides, own, sidesOf(theirs)).value as Sides;
    for (const conflict of conflicts) {
      if (picks.value[JSON.stringify(conflict.path)] === 'mine') next = withLeaf(next, conflict.path, conflict.mine) as Sides;
    }
    base.value = theirs;
    meeting.value = null;
    show(next);
    announce(t.twin.merged);
  };
  const leave = () => {
    if (unsaved) leaving.value = true;
    else onClose();
  };
  useKey('Ctrl+S', save);

  const open = meeting.value;
  const undecided = open?.conflicts.some(({ path }) => !picks.value[JSON.stringify(path)]) ?? false;
  return (
    <section class="panel" aria-label={t.twin.editTitle}>
      <h2>{t.twin.editTitle}</h2>
      {open && (
        <Note tone="warn">
          <h3>{t.twin.meanwhile}</h3>
          <p>{open.conflicts.length > 0 ? t.twin.meanwhileWords : t.twin.noConflict}</p>
          {open.conflicts.length > 0 && (
            <Conflicts
              conflicts={open.conflicts}
              picks={picks.value}
              onPick={(key, side) => {
                picks.value = { ...picks.value, [key]: side };
              }}
            />
          )}
          <div>
            <button type="button" class="primary" disabled={undecided} onClick={settle}>
              {t.twin.take}
            </button>
          </div>
        </Note>
      )}
      <div class="editors">
        <div class="stack">
          <h3>{t.twin.desired}</h3>
          <JsonEditor
            handle={(editor) => {
              editors.current.desired = editor;
              editor?.focus();
            }}
            options={{
              text: desired.value,
              label: t.twin.desiredEditor,
              rules: t.twin.rules,
              onChange: (text) => {
                desired.value = text;
              },
              onSave: save,
            }}
          />
          <Meter section={mine.desired} limit={propertiesBytesLimit} />
        </div>
        <div class="stack">
          <h3>{t.twin.tags}</h3>
          <JsonEditor
            handle={(editor) => {
              editors.current.tags = editor;
            }}
            options={{
              text: tags.value,
              label: t.twin.tagsEditor,
              rules: t.twin.rules,
              onChange: (text) => {
                tags.value = text;
              },
              onSave: save,
            }}
          />
          <Meter section={mine.tags} limit={tagsBytesLimit} />
        </div>
      </div>
      {whole && (isEmpty(patch) ? <p class="muted">{t.twin.unchanged}</p> : <Changes patch={bodyOf(patch)} />)}
      <Failure of={failed.value} />
      <div class="row end">
        <button type="button" onClick={leave}>
          {t.cancel}
        </button>
        <button type="button" class="primary" disabled={busy.value || broken || isEmpty(patch) || open !== null} onClick={save}>
          {t.twin.sendPatch}
        </button>
      </div>
      {leaving.value && (
        <Confirm
          title={t.twin.leave}
          words={t.twin.leaveWords}
          action={t.twin.discard}
          onDo={async () => onClose()}
          onClose={() => {
            leaving.value = false;
          }}
        />
      )}
    </section>
  );
}

const undoMs = 60_000;

/** Offered for a minute: the patch of the way back. */
export function UndoBar({ context, saved, onDone }: { context: DeviceContext; saved: { before: Twin; after: Twin }; onDone: () => void }) {
  const [busy, failed, run] = useBusy();
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => {
    const timer = setTimeout(() => done.current(), undoMs);
    return () => clearTimeout(timer);
  }, []);
  const undo = () =>
    void run(async () => {
      const undone = await send(context, makePatch(sidesOf(saved.after), sidesOf(saved.before)), saved.after);
      if ('theirs' in undone) throw new Error(t.twin.meanwhile);
      announce(t.twin.undone);
      context.twin.reload();
      onDone();
    });
  return (
    <Note tone="ok">
      <div class="row">
        <p role="status">{t.twin.saved}</p>
        <button type="button" disabled={busy.value} onClick={undo}>
          {t.twin.undo}
        </button>
        <button type="button" class="quiet" onClick={onDone}>
          {t.close}
        </button>
      </div>
      <Failure of={failed.value} />
    </Note>
  );
}
