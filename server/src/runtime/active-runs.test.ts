import { describe, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { createActiveRuns } from './active-runs.ts'

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
}

describe('places', () => {
  test('a user has so many, the server has so many, and an ended run gives its place back', () => {
    const runs = createActiveRuns({ maxRuns: 3, maxRunsPerUser: 2 })
    const first = runs.begin('1', 'ada')
    runs.begin('2', 'ada')
    expect(codeOf(() => runs.begin('3', 'ada'))).toBe('too_many_runs')
    runs.begin('4', 'bea')
    expect(codeOf(() => runs.begin('5', 'cec'))).toBe('too_many_runs')
    expect(runs.count).toBe(3)
    first.end()
    expect(runs.has('1')).toBe(false)
    runs.begin('6', 'ada')
    expect(runs.count).toBe(3)
  })

  test('a place given back twice is one place', () => {
    const runs = createActiveRuns({ maxRuns: 10, maxRunsPerUser: 1 })
    const first = runs.begin('1', 'ada')
    first.end()
    first.end()
    runs.begin('2', 'ada')
    first.end()
    expect(codeOf(() => runs.begin('3', 'ada'))).toBe('too_many_runs')
  })
})

test('a run is aborted by its id, with the reason; others go on', () => {
  const runs = createActiveRuns({ maxRuns: 10, maxRunsPerUser: 10 })
  const [first, second] = [runs.begin('1', 'ada'), runs.begin('2', 'ada')]
  expect(runs.abort('1', 'cancelled')).toBe(true)
  expect(runs.abort('unknown', 'cancelled')).toBe(false)
  expect(first.signal.reason).toBe('cancelled')
  expect(second.signal.aborted).toBe(false)
})

describe('drain', () => {
  test('without runs it is done at once, and nothing begins any more', async () => {
    const runs = createActiveRuns({ maxRuns: 10, maxRunsPerUser: 10 })
    await runs.drain(60_000)
    expect(runs.isDraining).toBe(true)
    expect(codeOf(() => runs.begin('1', 'ada'))).toBe('shutting_down')
  })

  test('it waits for runs that end by themselves', async () => {
    const runs = createActiveRuns({ maxRuns: 10, maxRunsPerUser: 10 })
    const slots = [runs.begin('1', 'ada'), runs.begin('2', 'bea')]
    let isDrained = false
    const drained = runs.drain(60_000).then(() => {
      isDrained = true
    })
    slots[0]?.end()
    await Promise.resolve()
    expect(isDrained).toBe(false)
    slots[1]?.end()
    await drained
    expect(slots.map((slot) => slot.signal.aborted)).toEqual([false, false])
  })

  test('after its time it interrupts those that are left, and waits for them to be written', async () => {
    const runs = createActiveRuns({ maxRuns: 10, maxRunsPerUser: 10 })
    const slot = runs.begin('1', 'ada')
    const aborted = new Promise<void>((resolve) => slot.signal.addEventListener('abort', () => resolve()))
    const drained = runs.drain(10)
    await aborted
    expect(slot.signal.reason).toBe('interrupted')
    slot.end()
    await drained
  })
})
