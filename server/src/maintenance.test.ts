import { expect, test } from 'vitest'
import { insertTestLog } from './agent-logs/agent-log-testing.ts'
import { runMaintenance } from './maintenance.ts'
import { closeAfterTest, createTestApp } from './testing/test-app.ts'

test('/readyz names logs outside their partitions until they are gone, while it goes on serving', async () => {
  const testApp = await createTestApp()
  closeAfterTest(testApp)
  const { app, services, database, ownerUrl } = testApp
  const maintain = () => runMaintenance({ ...services, ownerUrl, logRetentionDays: null }, new AbortController().signal)
  const ready = async () => {
    const response = await app.inject('/readyz')
    return { status: response.statusCode, ...response.json().details }
  }
  await maintain()
  expect(await ready()).toEqual({ status: 200 })
  const user = await testApp.createUser()
  await insertTestLog(database, { user_id: user.id, timestamp: new Date('2015-01-01T00:00:00Z') })
  await maintain()
  expect(await ready()).toEqual({ status: 200, partitions: ['strays'] })
  await database.asSystem('a test removes a stray', (tx) => tx.deleteFrom('agent_logs').execute())
  await maintain()
  expect(await ready()).toEqual({ status: 200 })
})
