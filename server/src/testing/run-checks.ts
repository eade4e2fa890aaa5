import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/*
 * `npm test`: types and lint beside the tests, which leave a processor idle while they make their databases. What they find is
 * said at once, and again below the tests; arguments go to Vitest.
 */

const root = join(import.meta.dirname, '../../..')

function start(program: string, args: string[], stdio: 'inherit' | 'pipe') {
  return spawn(join(root, 'node_modules/.bin', program), args, { cwd: root, stdio: ['inherit', stdio, stdio] })
}

/** Answers what it printed when it found something, and null when all is well. */
async function check(program: string, args: string[]): Promise<string | null> {
  const child = start(program, args, 'pipe')
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const [exitCode] = await once(child, 'close')
  return exitCode === 0 ? null : `\n${program} ${args.join(' ')}\n${output}\n`
}

/** One after the other: the tests are what takes time, and want the processors. */
async function checkTypesAndLint(): Promise<string> {
  let found = ''
  for (const [program, args] of [
    // Each checker more reads the types of the others once more: quicker by the clock, where a processor is idle.
    ['tsc', ['--noEmit', '--checkers', '1']],
    ['biome', ['check', '--error-on-warnings', '.']],
  ] as const) {
    const output = await check(program, [...args])
    if (output === null) continue
    process.stderr.write(output)
    found += output
  }
  return found
}

// The signal of a terminal reaches the tests too, which end what they started; this waits for them.
process.on('SIGINT', () => {})
const tests = start('vitest', ['run', ...process.argv.slice(2)], 'inherit')
const [found, [exitCode]] = await Promise.all([checkTypesAndLint(), once(tests, 'close')])
process.stderr.write(found || 'Types and lint: nothing found.\n')
process.exitCode = found ? 1 : (exitCode ?? 1)
