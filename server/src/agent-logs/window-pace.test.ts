import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { createWindowPace } from './window-pace.ts'

test('windows grow where rows are short, and shrink where they are long', async () => {
  const pace = createWindowPace({ search: 'x' })
  expect(await pace(async (rows) => rows)).toBe(1000)
  expect(await pace((rows) => sleep(100, rows))).toBe(20_000)
  expect(await pace((rows) => sleep(2000, rows))).toBe(20_000)
  expect(await pace(async (rows) => rows)).toBe(1000)
})

test('a window that met the time limit is looked at again in smaller ones, and large ones are not tried again', async () => {
  const pace = createWindowPace({ search: 'x' })
  const tried: number[] = []
  const tooLongBeyond = (limit: number) => async (rows: number) => {
    tried.push(rows)
    if (rows > limit) throw new AppError('database_timeout')
  }
  await pace(tooLongBeyond(20_000))
  await pace(tooLongBeyond(1000))
  await pace(tooLongBeyond(1000))
  await pace(tooLongBeyond(100))
  await pace(tooLongBeyond(100))
  expect(tried).toEqual([1000, 20_000, 1000, 1000, 1000, 100, 100])
  await expect(pace(tooLongBeyond(10))).rejects.toMatchObject({ code: 'database_timeout' })
})

test('other faults are not tried again', async () => {
  let tries = 0
  const work = async () => {
    tries += 1
    throw new AppError('unavailable')
  }
  await expect(createWindowPace({ search: 'x' })(work)).rejects.toMatchObject({ code: 'unavailable' })
  expect(tries).toBe(1)
})

test('what an index answers has no windows, and is not looked at again', async () => {
  let tries = 0
  const work = async () => {
    tries += 1
    throw new AppError('database_timeout')
  }
  await expect(createWindowPace({})(work)).rejects.toMatchObject({ code: 'database_timeout' })
  expect(tries).toBe(1)
})
