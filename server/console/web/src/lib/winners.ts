// Which configuration has set which desired property of a device: the higher priority wins, of equal ones the newer.
import { isObject, member, type Json } from './json';

export interface Ranked {
  id: string;
  priority: number;
  createdTimeUtc: string;
  content: Json;
}

export interface Winner {
  id: string;
  over: string[]; // that want to set the same property, the strongest first
}

const prefix = 'properties.desired';

/** Leaves that a configuration sets on a device, as JSON texts of their paths. */
function leavesOf(content: Json): string[] {
  const leaves: string[] = [];
  const visit = (path: string[], value: Json) => {
    if (!isObject(value) || Object.keys(value).length === 0) leaves.push(JSON.stringify(path));
    else for (const [key, child] of Object.entries(value)) visit([...path, key], child);
  };
  const deviceContent = member(content, 'deviceContent');
  if (!isObject(deviceContent)) return leaves;
  for (const [key, value] of Object.entries(deviceContent)) {
    if (key === prefix || key.startsWith(`${prefix}.`))
      visit(
        key
          .slice(prefix.length + 1)
          .split('.')
          .filter(Boolean),
        value,
      );
  }
  return leaves;
}

export function winnersOf(configurations: Ranked[]): Map<string, Winner> {
  const winners = new Map<string, Winner>();
  const strongestFirst = [...configurations].sort((a, b) => b.priority - a.priority || (a.createdTimeUtc < b.createdTimeUtc ? 1 : -1));
  for (const { id, content } of strongestFirst) {
    for (const leaf of leavesOf(content)) {
      const winner = winners.get(leaf);
      if (winner) winner.over.push(id);
      else winners.set(leaf, { id, over: [] });
    }
  }
  return winners;
}
