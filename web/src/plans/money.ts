/** An amount of the API in words: `$49`, `$49.50`, `€1,490`. Takes the decimal string as it comes. */
export function formatMoney(amount: string | number, currency: string): string {
  const value = Number(amount)
  if (!Number.isFinite(value)) return `${amount} ${currency}`
  const digits = Number.isInteger(value) ? { minimumFractionDigits: 0 } : {}
  return new Intl.NumberFormat('en-US', { style: 'currency', currency, ...digits }).format(value)
}

/** The same for an amount in the smallest unit of its currency, as payments have it: 4950 of USD are `$49.50`. */
export function formatCents(cents: number, currency: string): string {
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
  }).resolvedOptions()
  return formatMoney(cents / 10 ** maximumFractionDigits, currency)
}

/** Whole cents of a decimal string, for comparing and adding up. */
export function toCents(amount: string): number {
  return Math.round(Number(amount) * 100)
}
