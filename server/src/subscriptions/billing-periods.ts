import type { BillingInterval } from './subscription-schemas.ts'

/**
 * The same day and time a month or a year later, UTC; the last day of a shorter month. `anchor` is the day on which it
 * all began, so that the 31st is the 31st again after a February.
 */
export function addInterval(from: Date, interval: BillingInterval, anchor: Date = from): Date {
  const months = interval === 'month' ? 1 : 12
  const day = isLastOfMonth(from) ? Math.max(from.getUTCDate(), anchor.getUTCDate()) : from.getUTCDate()
  const target = new Date(from)
  target.setUTCDate(1)
  target.setUTCMonth(target.getUTCMonth() + months)
  target.setUTCDate(Math.min(day, daysInMonth(target)))
  return target
}

function isLastOfMonth(date: Date): boolean {
  return date.getUTCDate() === daysInMonth(date)
}

function daysInMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
}
