/** `22 Nov` of a day such as `2026-11-22`: days and months here are UTC, wherever the reader is. */
export function dayLabel(day: string): string {
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(day))
}

export function monthLabel(month: string): string {
  return new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit', timeZone: 'UTC' }).format(
    new Date(month),
  )
}
