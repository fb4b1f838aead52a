import { type TestContext, test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'

test('waitFor returns the first value that the condition finds', async (t: TestContext) => {
  let polls = 0
  t.assert.equal(await waitFor('the third poll', () => ++polls === 3 && polls), 3)
})

test('waitFor fails when its limit is over, and names what it waited for and the last error', async (t: TestContext) => {
  const down = new Error('connection refused')
  const waiting = waitFor('the port', () => Promise.reject(down), { limitMs: 20, explain: () => '(nothing logged)' })
  await t.assert.rejects(waiting, { message: 'waited 20 ms for the port (nothing logged)', cause: down })
})
