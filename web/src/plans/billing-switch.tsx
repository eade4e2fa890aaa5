import { SegmentedControl } from '@mantine/core'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { type BillingInterval, bestSaving } from './plan-price.ts'

interface BillingSwitchProps {
  plans: readonly Plan[]
  value: BillingInterval
  onChange: (value: BillingInterval) => void
}

/** Paid by the month or by the year; nothing where no plan can be paid by the year. */
export function BillingSwitch({ plans, value, onChange }: BillingSwitchProps) {
  if (!plans.some(({ yearly_price }) => yearly_price !== null)) return null
  const saving = bestSaving(plans)
  return (
    <SegmentedControl
      aria-label="Paid by the month or by the year"
      value={value}
      onChange={(next) => onChange(next === 'year' ? 'year' : 'month')}
      data={[
        { value: 'month', label: 'Monthly' },
        { value: 'year', label: saving > 0 ? `Yearly, ${plans.length > 1 ? 'up to ' : ''}${saving} % less` : 'Yearly' },
      ]}
    />
  )
}
