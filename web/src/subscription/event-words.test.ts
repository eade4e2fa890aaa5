import { expect, test } from 'vitest'
import { actorWords, describeEvent, eventPrice, eventReason } from './event-words.ts'

const event = {
  type: 'plan_changed',
  from_plan_name: 'Starter',
  to_plan_name: 'Professional',
  to_status: 'active',
  by: 'me',
  detail: { price: '149.00', currency: 'USD', billing_interval: 'month' },
} as const
const nameOf = (id: string) => (id === 'free' ? 'Free' : undefined)

test('a change says from what to what, by whom and for how much', () => {
  expect(describeEvent(event, nameOf)).toBe('Starter became Professional')
  expect(actorWords(event)).toBe('by you')
  expect(actorWords({ by: 'server' })).toBeNull()
  expect(eventPrice(event)).toBe('$149 a month')
})

test('the price stands only where it changed', () => {
  expect(eventPrice({ ...event, type: 'change_scheduled' })).toBeNull()
  expect(eventPrice({ ...event, detail: { price: '0.00', currency: 'USD' } })).toBeNull()
})

test('a change to come names its plan while that can be seen', () => {
  const scheduled = { ...event, type: 'change_scheduled', detail: { next_plan_id: 'free' } } as const
  expect(describeEvent(scheduled, nameOf)).toBe('A change to Free was set for the end of the period')
  expect(describeEvent(scheduled, () => undefined)).toBe('A change of plan was set for the end of the period')
})

test('the reason of an admin is shown', () => {
  expect(eventReason({ detail: { reason: 'Agreed on the phone' } })).toBe('Agreed on the phone')
  expect(eventReason({ detail: {} })).toBeNull()
})
