import { expect, test } from 'vitest'
import { nameDevice } from './name-device.ts'

test('browsers are told apart although each claims to be the others', () => {
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36'
  expect(nameDevice(chrome)).toBe('Chrome on Linux')
  expect(nameDevice(`${chrome.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/143.0`)).toBe(
    'Edge on Windows',
  )
  expect(
    nameDevice(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    ),
  ).toBe('Safari on iPhone')
  expect(nameDevice('Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
    'Firefox on macOS',
  )
})

test('what is not known is shown as it is, and nothing as unknown', () => {
  expect(nameDevice('my-crawler/1.0')).toBe('my-crawler/1.0')
  expect(nameDevice(null)).toBe('Unknown device')
})
