import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Most tests wait for a database or a server; more than a few at once would exhaust the connections of one PostgreSQL.
    maxWorkers: Math.min(4, availableParallelism()),
    projects: [
      {
        test: {
          name: 'server',
          include: [
            'server/src/**/*.test.ts',
            'database/tests/**/*.test.ts',
            'web/src/**/*.test.ts',
            'api-client/**/*.test.ts',
          ],
          globalSetup: ['server/src/testing/global-setup.ts'],
          // Machines of CI are shared: what fails once is looked at a second time before it counts.
          retry: process.env.CI ? 1 : 0,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.spec.ts'],
          globalSetup: ['e2e/support/global-setup.ts'],
          // Machines of CI are shared: what fails once is looked at a second time before it counts.
          retry: process.env.CI ? 1 : 0,
          testTimeout: 400_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
