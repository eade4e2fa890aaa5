import { formatCost } from '../../agent-logs/format-run.ts'

interface Price {
  input_usd: number
  output_usd: number
}

/** `$0.25 read, $2.00 written`, each per million tokens. */
export function priceWords(price: Price | null): string {
  if (price === null) return 'not known'
  if (price.input_usd === 0 && price.output_usd === 0) return 'nothing'
  return `${formatCost(price.input_usd)} read, ${formatCost(price.output_usd)} written`
}

/** A typed price of the API's range, or null. A comma is as good as a point; nothing typed is no price. */
export function parsePrice(typed: string): number | null {
  const text = typed
    .trim()
    .replace(/^\$\s*/, '')
    .replace(',', '.')
  if (!/^\d{1,5}(\.\d{1,6})?$/.test(text)) return null
  const value = Number(text)
  return value <= 10_000 ? value : null
}
