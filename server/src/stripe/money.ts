// https://docs.stripe.com/currencies: amounts are in the smallest unit, which these currencies do not have.
const withoutDecimals = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '))
// Their last digit has to be 0, which two decimals make certain.
const withThreeDecimals = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND'])
const maxCents = 99_999_999

/** How many digits the smallest unit has that Stripe counts in. */
function decimalsOf(currency: string): number {
  if (withoutDecimals.has(currency)) return 0
  return withThreeDecimals.has(currency) ? 3 : 2
}

/**
 * A price as plans have it (`49.00`) in the smallest unit of its currency. Null for what Stripe cannot charge: fractions of
 * the smallest unit, more than eight digits, and shillings of Uganda, which Stripe counts in two ways.
 */
export function toCents(price: string, currency: string): number | null {
  const [, whole, fraction = ''] = /^(\d{1,10})(?:\.(\d{0,4}))?$/.exec(price) ?? []
  const code = currency.toUpperCase()
  if (whole === undefined || code === 'UGX') return null
  const decimals = decimalsOf(code)
  if (/[1-9]/.test(fraction.slice(decimals))) return null
  const cents = Number(whole + fraction.slice(0, decimals).padEnd(decimals, '0'))
  return cents <= maxCents ? cents : null
}

/** The same back, with two decimals as plans have them (a third one is cut off). Negative amounts too. */
export function fromCents(cents: number, currency: string): string {
  const decimals = decimalsOf(currency.toUpperCase())
  const digits = String(Math.abs(cents)).padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).slice(0, 2)
  return `${cents < 0 ? '-' : ''}${whole}.${fraction.padEnd(2, '0')}`
}
