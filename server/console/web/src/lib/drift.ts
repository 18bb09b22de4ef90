// What a device has done with what was desired of it, leaf by leaf, out of both sections and their $metadata.
import { isObject, member, same, withoutHubMembers, type Json, type JsonObject } from './json';

export type DriftState = 'applied' | 'pending' | 'diverged' | 'rejected';
export type RowState = DriftState | 'reported_only';

export interface DriftRow {
  path: string[];
  depth: number;
  branch: boolean; // an object; its state is the worst of its leaves
  desired?: Json;
  reported?: Json;
  state: RowState;
  reason: 'not_reported' | 'older' | 'answered' | '';
  since?: string; // when the desired leaf was written
  version?: number; // of desired, in which the leaf was written
  reportedAt?: string;
  answer?: { code: number; version: number; words: string }; // of IoT Plug and Play: ac, av, ad
}

export interface Drift {
  rows: DriftRow[];
  state: DriftState | 'none'; // none: nothing is desired
  counts: Record<DriftState, number>;
  oldest?: string; // of the leaves that are not applied
}

interface Stamp {
  at?: string;
  version?: number;
}

interface Answer {
  code: number;
  version: number;
  words: string;
  value: Json | undefined;
}

const severity: Record<RowState, number> = { reported_only: -1, applied: 0, pending: 1, diverged: 2, rejected: 3 };

/** Compares ISO 8601 times in UTC with any number of digits of a second. */
export function compareTimes(a: string, b: string): number {
  const norm = (text: string) => {
    const [whole = '', fraction = ''] = text.replace(/Z$/, '').split('.');
    return `${whole}.${fraction.padEnd(9, '0')}`;
  };
  const [x, y] = [norm(a), norm(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function stampOf(metadata: unknown): Stamp {
  const at = member(metadata, '$lastUpdated');
  const version = member(metadata, '$lastUpdatedVersion');
  return { at: typeof at === 'string' ? at : undefined, version: typeof version === 'number' ? version : undefined };
}

/** {value, ac, av, ad}, as a Plug and Play device answers a writable property. */
function answerIn(reported: Json | undefined): Answer | undefined {
  if (!isObject(reported) || !Object.hasOwn(reported, 'value')) return undefined;
  const { ac, av, ad } = reported;
  if (typeof ac !== 'number' || typeof av !== 'number') return undefined;
  return { code: ac, version: av, words: typeof ad === 'string' ? ad : '', value: reported.value };
}

type Verdict = Pick<DriftRow, 'state' | 'reason' | 'answer'>;

function judge(
  desired: Json,
  desiredStamp: Stamp,
  reported: Json | undefined,
  reportedAt: string | undefined,
  answer: Answer | undefined,
): Verdict {
  if (answer) {
    const told = { code: answer.code, version: answer.version, words: answer.words };
    // An answer to an older version says nothing of this one.
    const current = desiredStamp.version === undefined || answer.version >= desiredStamp.version;
    if (current && answer.code >= 400) return { state: 'rejected', reason: 'answered', answer: told };
    if (current && answer.code >= 200 && answer.code < 300) return { state: 'applied', reason: 'answered', answer: told };
    return { state: 'pending', reason: 'older', answer: told };
  }
  if (same(desired, reported)) return { state: 'applied', reason: '' };
  if (reported === undefined) return { state: 'pending', reason: 'not_reported' };
  const newer = reportedAt !== undefined && desiredStamp.at !== undefined && compareTimes(reportedAt, desiredStamp.at) > 0;
  return newer ? { state: 'diverged', reason: '' } : { state: 'pending', reason: 'older' };
}

class Walk {
  rows: DriftRow[] = [];
  counts: Record<DriftState, number> = { applied: 0, pending: 0, diverged: 0, rejected: 0 };
  oldest: string | undefined;

  /** Adds the rows of one member; the worst state of its leaves. `answer`: of an object above that holds this one. */
  visit(
    path: string[],
    desired: Json | undefined,
    desiredMeta: unknown,
    reported: Json | undefined,
    reportedMeta: unknown,
    answer?: Answer,
  ): RowState {
    const own = desired === undefined || same(desired, reported) ? answer : (answer ?? answerIn(reported));
    const isBranch = isObject(desired) && Object.keys(desired).length > 0;
    const depth = path.length - 1;
    if (desired === undefined) return this.reportedOnly(path, depth, reported!, reportedMeta);
    if (!isBranch) return this.leaf(path, depth, desired, desiredMeta, reported, reportedMeta, own);

    const row: DriftRow = { path, depth, branch: true, state: 'applied', reason: '' };
    this.rows.push(row);
    // Below an answer the reported value stands in its `value`; metadata are of no use there.
    const below = !answer && own ? own.value : reported;
    let worst: RowState = 'applied';
    for (const [key, value] of Object.entries(desired as JsonObject)) {
      const state = this.visit(
        [...path, key],
        value,
        member(desiredMeta, key),
        member(below, key),
        own ? undefined : member(reportedMeta, key),
        own,
      );
      if (severity[state] > severity[worst]) worst = state;
    }
    if (isObject(below) && !own) {
      for (const [key, value] of Object.entries(below)) {
        if (!Object.hasOwn(desired as JsonObject, key)) this.visit([...path, key], undefined, undefined, value, member(reportedMeta, key));
      }
    } else if (reported !== undefined && !own) {
      row.reported = reported;
    }
    row.state = worst;
    return worst;
  }

  private leaf(
    path: string[],
    depth: number,
    desired: Json,
    desiredMeta: unknown,
    reported: Json | undefined,
    reportedMeta: unknown,
    answer: Answer | undefined,
  ): RowState {
    const stamp = stampOf(desiredMeta);
    const reportedAt = stampOf(reportedMeta).at;
    const verdict = judge(desired, stamp, reported, reportedAt, answer);
    this.rows.push({ path, depth, branch: false, desired, reported, since: stamp.at, version: stamp.version, reportedAt, ...verdict });
    const state = verdict.state as DriftState;
    this.counts[state] += 1;
    if (state !== 'applied' && stamp.at && (!this.oldest || compareTimes(stamp.at, this.oldest) < 0)) this.oldest = stamp.at;
    return state;
  }

  private reportedOnly(path: string[], depth: number, reported: Json, reportedMeta: unknown): RowState {
    const isBranch = isObject(reported) && Object.keys(reported).length > 0;
    this.rows.push({
      path,
      depth,
      branch: isBranch,
      reported: isBranch ? undefined : reported,
      state: 'reported_only',
      reason: '',
      reportedAt: stampOf(reportedMeta).at,
    });
    if (isBranch) {
      for (const [key, value] of Object.entries(reported as JsonObject))
        this.visit([...path, key], undefined, undefined, value, member(reportedMeta, key));
    }
    return 'reported_only';
  }
}

/** The drift of a twin as `GET /twins/{id}` shows it. */
export function driftOf(properties: unknown): Drift {
  const desiredSection = member(properties, 'desired');
  const reportedSection = member(properties, 'reported');
  const desired = withoutHubMembers(desiredSection);
  const reported = withoutHubMembers(reportedSection);
  const desiredMeta = member(desiredSection, '$metadata');
  const reportedMeta = member(reportedSection, '$metadata');
  const walk = new Walk();
  let worst: RowState = 'applied';
  for (const [key, value] of Object.entries(desired)) {
    const state = walk.visit([key], value, member(desiredMeta, key), member(reported, key), member(reportedMeta, key));
    if (severity[state] > severity[worst]) worst = state;
  }
  for (const [key, value] of Object.entries(reported)) {
    if (!Object.hasOwn(desired, key)) walk.visit([key], undefined, undefined, value, member(reportedMeta, key));
  }
  const leaves = Object.values(walk.counts).reduce((sum, count) => sum + count, 0);
  return { rows: walk.rows, state: leaves === 0 ? 'none' : (worst as DriftState), counts: walk.counts, oldest: walk.oldest };
}
