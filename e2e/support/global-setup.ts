import { rm } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'
import { buildWebApp } from '../../server/src/web-build.ts'
import { findChromium } from './find-chromium.ts'
import { sellNothing } from './sell-nothing.ts'
import { makeDataFolder, startProgram } from './start-program.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A data folder as the first start leaves it, without a plan for everybody, which stories about something else copy. */
    preparedData: string
  }
}

/** Once before all: what must not be made by two at the same time. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await buildWebApp()
  await findChromium()
  const folder = await makeDataFolder()
  const program = await startProgram({ DATA_DIR: folder })
  await sellNothing(folder)
  await program.stop()
  project.provide('preparedData', folder)
  return () => rm(folder, { recursive: true, force: true })
}
