import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

test('a reader that has stopped reading does not stop the program, nor keep it from ending', async () => {
  const script = `
    const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))})
    const log = createLog('info')
    for (let n = 0; n < 2000; n++) log.info('x'.repeat(1000))
    setTimeout(() => { process.stderr.write('went on'); process.exit() }, 300)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await new Promise((resolve) => child.once('exit', resolve))
  expect(said).toContain('went on')
})

test('what is read arrives whole, up to the last line before the end', async () => {
  const script = `
    const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))})
    const log = createLog('info')
    for (let n = 0; n < 500; n++) log.info({ n, password: 'hunter2' }, 'line')
    process.exit()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await new Promise((resolve) => child.once('close', resolve))
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(500)
  expect(lines.at(-1)).toMatchObject({ n: 499, password: '[secret]', msg: 'line' })
})
