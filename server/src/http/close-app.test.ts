import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { closeAfterTest, createTestApp } from '../testing/test-app.ts'
import { closeApp } from './close-app.ts'

test('a client that never sends the rest of its request does not hold up the stop', async () => {
  const testApp = await createTestApp()
  closeAfterTest(testApp)
  const url = new URL(await testApp.app.listen({ port: 0, host: '127.0.0.1' }))
  const socket = connect(Number(url.port), '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(
    'POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  )
  await sleep(200)
  const startedAt = performance.now()
  await closeApp(testApp.app, 300)
  await closed
  // Without the limit it takes the 30 seconds a request may take.
  expect(performance.now() - startedAt).toBeLessThan(15_000)
})
