import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockDataFolder } from './data-folder-lock.ts'

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-lock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A process that looks like a server of ours, or like any other program. */
async function spawnSleeper(name: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setTimeout(() => {}, 60000)', name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

test('a lock is made with its folder and given back', async () => {
  const folder = join(await makeFolder(), 'new/data')
  const unlock = await lockDataFolder(folder)
  expect(await readFile(join(folder, 'server.pid'), 'utf8')).toBe(`${process.pid}\n`)
  await unlock()
  await expect(readFile(join(folder, 'server.pid'))).rejects.toThrow('ENOENT')
})

test('a folder that a running server works on is refused, with the process to stop', async () => {
  const folder = await makeFolder()
  const pid = await spawnSleeper('server/src/main.ts')
  await writeFile(join(folder, 'server.pid'), `${pid}\n`)
  await expect(lockDataFolder(folder)).rejects.toThrow(`Another AgentExpress (process ${pid}) works on ${folder}`)
  expect(await readFile(join(folder, 'server.pid'), 'utf8')).toBe(`${pid}\n`)
})

test.each([
  ['a process that is gone', '999999999\n'],
  ['nothing, because the disk was full', ''],
  ['nonsense', 'abc'],
])('the lock of %s is taken over', async (_name, content) => {
  const folder = await makeFolder()
  await writeFile(join(folder, 'server.pid'), content)
  const unlock = await lockDataFolder(folder)
  expect(await readFile(join(folder, 'server.pid'), 'utf8')).toBe(`${process.pid}\n`)
  await unlock()
})

test.runIf(process.platform === 'linux')(
  'a process number that another program has got meanwhile is no lock',
  async () => {
    const folder = await makeFolder()
    await writeFile(join(folder, 'server.pid'), `${await spawnSleeper('some-editor')}\n`)
    await (await lockDataFolder(folder))()
  },
)

test('a place that cannot hold a folder is told by its name', async () => {
  const folder = await makeFolder()
  await writeFile(join(folder, 'file'), '')
  await expect(lockDataFolder(join(folder, 'file/data'))).rejects.toThrow(
    `The folder ${join(folder, 'file/data')} (DATA_DIR)`,
  )
})
