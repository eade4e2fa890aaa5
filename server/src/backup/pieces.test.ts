import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { headerSchema, isBackupName, makeBackupName, parseMember, readBackupTime } from './backup-format.ts'
import { createPace } from './pace.ts'
import { cutRows } from './read-members.ts'
import { RowChecksum } from './row-checksum.ts'
import { readText } from './s3-xml.ts'
import { orderByForeignKeys } from './table-order.ts'

const checksumOf = (...chunks: string[]) => {
  const checksum = new RowChecksum()
  for (const chunk of chunks) checksum.add(Buffer.from(chunk))
  return `${checksum.rows} ${checksum}`
}

test('the checksum of rows knows neither their order nor the cuts of the stream, and notices every change', () => {
  const sum = checksumOf('one\ntwo\nthree\n')
  expect(checksumOf('three\none\ntwo\n')).toBe(sum)
  expect(checksumOf('o', 'ne\ntw', 'o', '\n', 'three\n')).toBe(sum)
  expect(checksumOf('one\ntwo\nthree\n\n')).not.toBe(sum)
  expect(checksumOf('one\ntwo\ntwo\nthree\n')).not.toBe(sum)
  expect(checksumOf('onet\nwo\nthree\n')).not.toBe(sum)
  expect(() => checksumOf('one\ntw')).toThrow('within a row')
})

test('rows are cut at their ends, and a row larger than a piece goes over several', async () => {
  const pieces: string[] = []
  const text = `a\nbb\n${'c'.repeat(30)}\nd\n`
  for await (const piece of cutRows(
    Readable.from([text.slice(0, 7), text.slice(7, 20), text.slice(20)].map(Buffer.from)),
    6,
  ))
    pieces.push(piece.toString())
  expect(pieces.join('')).toBe(text)
  expect(pieces[0]).toBe('a\nbb\n')
  expect(pieces.length).toBeGreaterThan(2)
})

test('tables come after those they refer to, and a circle is refused', () => {
  const tables = ['a', 'b', 'c'].map((name) => ({ schema: 'public', name }))
  const key = (from: string, to: string) => ({ from: `public.${from}`, to: `public.${to}` })
  const ordered = orderByForeignKeys(tables, [key('a', 'b'), key('b', 'c'), key('c', 'elsewhere')])
  expect(ordered.map(({ name }) => name)).toEqual(['c', 'b', 'a'])
  expect(() => orderByForeignKeys(tables, [key('a', 'b'), key('b', 'a')])).toThrow('in a circle')
})

test('the name of a backup says when it was made', () => {
  const time = new Date('2026-11-22T12:34:56.789Z')
  const name = makeBackupName(time, true)
  expect(name).toBe('agentexpress-20261122T123456789Z.tar.zst.age')
  expect(isBackupName(name)).toBe(true)
  expect(isBackupName(`${name}.part`)).toBe(false)
  expect(readBackupTime(name)).toEqual(time)
})

test('how far a step is is said after a second, then every two, however often one asks', () => {
  const said: string[] = []
  let now = 0
  const pace = createPace(
    (text) => said.push(text),
    () => now,
  )
  for (; now <= 6000; now += 100) pace(() => `at ${now} ms`)
  expect(said).toEqual(['  at 1000 ms', '  at 3000 ms', '  at 5000 ms'])
})

test('a backup of a later format is not called damaged', () => {
  const later = Buffer.from(JSON.stringify({ format: 2 }))
  expect(() => parseMember(headerSchema, 'backup.json', later)).toThrow('newer AgentExpress')
})

test('entities in the XML of a bucket are read as what they stand for', () => {
  expect(readText('<Key>a&amp;b&#34;&#x43;&lt;</Key>', 'Key')).toBe('a&b"C<')
  expect(readText('<Other>a</Other>', 'Key')).toBeUndefined()
})
