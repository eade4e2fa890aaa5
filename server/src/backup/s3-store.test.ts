import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { listBackups } from './backup-records.ts'
import {
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  dumpRows,
  newestSource,
  testMigrations,
} from './backup-testing.ts'
import { pruneBackups } from './prune-backups.ts'
import { restoreBackup } from './restore-backup.ts'
import { S3Store } from './s3-store.ts'
import { S3TestServer, s3Keys } from './s3-testing.ts'

async function openBucket(path = '/bucket/nightly') {
  const server = new S3TestServer()
  const url = await server.start()
  return { server, url, store: new S3Store({ url: `${url}${path}`, ...s3Keys }) }
}

test('a backup goes into a bucket and comes back out of it', async () => {
  const { server, store } = await openBucket()
  const { ownerUrl } = await createFilledDatabase(100)
  const { record } = await backUp(ownerUrl, { store })
  expect([...server.objects.keys()].sort()).toEqual([`nightly/${record.name}`, `nightly/${record.name}.json`])
  expect(server.uploads.size).toBe(0)
  const target = await createEmptyDatabase()
  await restoreBackup({ ownerUrl: target, source: await newestSource(store), migrations: await testMigrations })
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
})

test('large content goes up in parts of one size and is the same when it comes down', async () => {
  const { server, store } = await openBucket()
  const content = randomBytes(70 * 2 ** 20)
  await store.write('a (1)+ü.bin', Readable.from([content.subarray(0, 50_000_000), content.subarray(50_000_000)]))
  expect(server.objects.get('nightly/a (1)+ü.bin')?.equals(content)).toBe(true)
  expect((await buffer(await store.read('a (1)+ü.bin'))).equals(content)).toBe(true)
  expect((await store.list()).map(({ name, bytes }) => ({ name, bytes }))).toEqual([
    { name: 'a (1)+ü.bin', bytes: content.length },
  ])
})

test('passing failures and lost connections are tried again, a broken download goes on where it was', async () => {
  const { server, store } = await openBucket('/bucket')
  const content = randomBytes(3 * 2 ** 20)
  server.failures.push(503, 0)
  await store.write('some.bin', Readable.from([content]))
  server.cutNextDownload = 2 ** 20
  expect((await buffer(await store.read('some.bin'))).equals(content)).toBe(true)
})

test('a listing over several pages is whole, and old backups are pruned from it', async () => {
  const { server, store } = await openBucket()
  for (let day = 1; day <= 5; day++)
    server.objects.set(`nightly/agentexpress-2026110${day}T000000000Z.tar.zst`, Buffer.from('x'))
  server.objects.set('nightly/deeper/agentexpress-20261109T000000000Z.tar.zst', Buffer.from('not ours'))
  expect(await listBackups(store)).toHaveLength(5)
  expect(await pruneBackups(store, 2)).toHaveLength(3)
  expect((await listBackups(store)).map(({ name }) => name.slice(13, 21))).toEqual(['20261105', '20261104'])
})

test('an upload that breaks off leaves no object and no parts', async () => {
  const { server, store } = await openBucket()
  const broken = Readable.from(
    (async function* () {
      yield randomBytes(40 * 2 ** 20)
      throw new Error('the source broke off')
    })(),
    { objectMode: false },
  )
  await expect(store.write('some.bin', broken)).rejects.toThrow('the source broke off')
  server.failNextCompletion = true
  await expect(store.write('some.bin', Readable.from([Buffer.from('x')]))).rejects.toThrow('did not finish the upload')
  expect([server.objects.size, server.uploads.size]).toEqual([0, 0])
  server.loseNextCompletion = true
  await expect(store.write('some.bin', Readable.from([Buffer.from('x')]))).rejects.toThrow('NoSuchUpload')
  expect([server.objects.size, server.uploads.size]).toEqual([0, 0])
})

test('parts of uploads that were killed go after a day', async () => {
  const { server, store } = await openBucket()
  const old = new Date(Date.now() - 25 * 3_600_000)
  server.uploads.set('old', { key: 'nightly/a.tar.zst', parts: new Map(), initiated: old })
  server.uploads.set('new', { key: 'nightly/b.tar.zst', parts: new Map(), initiated: new Date() })
  expect(await store.removeLeftovers()).toBe(1)
  expect([...server.uploads.keys()]).toEqual(['new'])
})

test('what is wrong with a bucket is said: key, secret, region, name, address', { timeout: 60_000 }, async () => {
  const { server, url } = await openBucket()
  const listWith = (changes: Partial<ConstructorParameters<typeof S3Store>[0]>) =>
    new S3Store({ url: `${url}/bucket`, ...s3Keys, ...changes }).list()
  await expect(listWith({ accessKeyId: 'other' })).rejects.toThrow('Check BACKUP_S3_ACCESS_KEY_ID')
  await expect(listWith({ secretAccessKey: 'other' })).rejects.toThrow('Check BACKUP_S3_SECRET_ACCESS_KEY')
  await expect(listWith({ region: 'other' })).rejects.toThrow('Check BACKUP_S3_REGION')
  await expect(listWith({ url: `${url}/other` })).rejects.toThrow('Create the bucket')
  expect(() => new S3Store({ url, ...s3Keys })).toThrow('names no bucket')
  await server.stop()
  await expect(listWith({})).rejects.toThrow(/cannot be reached: .*ECONNREFUSED/)
})
