import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { findOldestPostgres, findPgBouncer, UntestedReporter } from './server/src/testing/installed-programs.ts'
import { testFiles } from './server/src/testing/test-files.ts'

/** Tests of the server against one PostgreSQL, which `setup` (in server/src/testing) starts. */
function project(name: string, setup: string, include: string[]): TestProjectConfiguration {
  return {
    test: {
      name,
      include,
      // Loading the server anew for every file was a third of the time; the files share nothing but code.
      isolate: false,
      globalSetup: [`server/src/testing/${setup}.ts`],
      // Machines of CI are shared: what fails once is looked at a second time before it counts.
      retry: process.env.CI ? 1 : 0,
      testTimeout: 60_000,
      hookTimeout: 120_000,
    },
  }
}

const { api, database, rest, oldest, oldestOnCi } = testFiles()
const hasPooler = findPgBouncer() !== null

export default defineConfig({
  test: {
    // Most tests wait for a database, a server or a disk, so there is work for two more than there are processors; with more
    // than a few at once those that measure time would tell of their neighbours.
    maxWorkers: Math.min(4, availableParallelism() + 2),
    reporters: ['default', new UntestedReporter()],
    projects: [
      project('server', 'global-setup', [...rest, ...database]),
      // CONTRIBUTING.md says why the API is tested behind the pooler instead of twice.
      project('api', hasPooler ? 'global-setup-pooled' : 'global-setup', api),
      ...(findOldestPostgres()
        ? [project('database-15', 'global-setup-oldest', process.env.CI ? oldestOnCi : oldest)]
        : []),
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.spec.ts'],
          globalSetup: ['e2e/support/global-setup.ts'],
          retry: process.env.CI ? 1 : 0,
          testTimeout: 400_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
