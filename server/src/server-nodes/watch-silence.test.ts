import { expect, test } from 'vitest'
import { watchSilence } from './watch-silence.ts'

const silentMs = 30_000
const beatMs = 5000

/** Looks every five seconds from `fromMs`; answers after how many milliseconds `b` was silent, or null. */
function lookUntil(
  look: ReturnType<typeof watchSilence>,
  fromMs: number,
  beats: number,
  signAt: (beat: number) => string,
) {
  for (let beat = 0; beat < beats; beat++) {
    const silent = look([{ id: 'b', sign: signAt(beat) }], fromMs + beat * beatMs)
    if (silent.length > 0) return beat * beatMs
  }
  return null
}

test('a server is silent when its sign has stayed the same for half a minute, however old or new it says it is', () => {
  for (const sign of ['0', '1795000000.123456', '9999999999'])
    expect(lookUntil(watchSilence(silentMs), 0, 20, () => sign)).toBe(silentMs)
})

test('a server whose sign changes lives, whichever way the clock of the database steps', () => {
  const clock = (beat: number) => String(beat * 5 + (beat === 8 ? 3600 : 0) - (beat > 12 ? 7200 : 0))
  expect(lookUntil(watchSilence(silentMs), 0, 40, clock)).toBeNull()
  // Late, and never silent for as long.
  expect(lookUntil(watchSilence(silentMs), 0, 40, (beat) => String(Math.floor(beat / 6)))).toBeNull()
})

test('whoever could not look for a while takes nobody for dead before there was time for a sign of life', () => {
  const look = watchSilence(silentMs)
  expect(lookUntil(look, 0, 4, () => 'a')).toBeNull()
  expect(lookUntil(look, 15_000 + silentMs, 20, () => 'a')).toBe(silentMs)
})

test('one that was away and comes back is looked at anew', () => {
  const look = watchSilence(silentMs)
  expect(lookUntil(look, 0, 6, () => 'a')).toBeNull()
  expect(look([], 30_000)).toEqual([])
  expect(look([{ id: 'b', sign: 'a' }], 35_000)).toEqual([])
})
