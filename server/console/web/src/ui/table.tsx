// A table of things: a column says what it shows of one. It scrolls by itself where it is wider than the page.
import type { ComponentChildren } from 'preact';
import { Scroll } from './parts';

export interface Column<T> {
  head: ComponentChildren;
  cell: (row: T) => ComponentChildren;
  isName?: boolean; // what the row is called: its header
  number?: boolean;
  class?: string;
}

export function DataTable<T>({
  label,
  rows,
  columns,
  keyOf,
  empty,
}: {
  label: string;
  rows: T[];
  columns: Column<T>[];
  keyOf: (row: T) => string;
  empty?: ComponentChildren;
}) {
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  const classOf = (column: Column<T>) => [column.number ? 'number' : '', column.class ?? ''].join(' ').trim() || undefined;
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column, i) =>
              column.head === '' ? (
                <td key={i} />
              ) : (
                <th key={i} scope="col" class={column.number ? 'number' : undefined}>
                  {column.head}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, i) =>
                column.isName ? (
                  <th key={i} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={i} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
