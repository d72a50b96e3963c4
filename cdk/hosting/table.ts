/** Tables for people. */

/** Rows under a heading, in columns as wide as their widest cell; numbers to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      heading
        .map((_, column) => {
          const cell = row[column] ?? "";
          const width = widths[column] ?? 0;
          return /^[\d.]+$/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
