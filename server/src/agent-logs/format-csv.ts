/** What a spreadsheet would read as the beginning of a formula (OWASP, CSV injection). */
const formulaStart = /^[=+\-@\t\r]/

/** One line of RFC 4180 with its line break. Texts that look like a formula get an apostrophe; numbers stay as they are. */
export function formatCsvLine(cells: readonly (string | number | Date | null)[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`
}

function formatCell(cell: string | number | Date | null): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  if (cell instanceof Date) return cell.toISOString()
  const text = formulaStart.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
