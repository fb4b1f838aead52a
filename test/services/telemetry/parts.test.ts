import { describe, type TestContext, test } from 'node:test'
import { createParts } from '../../../services/telemetry/parts.ts'
import { waitFor } from '../../support/wait-for.ts'

describe('the parts of /ready', () => {
  test('a check that fails is reported once, takes nothing out of service, and hides no other part', async (t: TestContext) => {
    const failures: unknown[] = []
    const parts = createParts((part, error) => failures.push([part, error]))
    const error = new Error('broken')
    const broken = [true, true, false, true]
    parts.add('disk', () => {
      if (broken.shift() === true) throw error
      return { ready: true, state: 'writable' }
    })
    parts.add('load', () => ({ ready: true, state: 'normal' }))
    const states = async () => (await parts.states()).map(({ part, ready, state }) => [part, ready, state])
    const unknown = [
      ['disk', true, 'unknown'],
      ['load', true, 'normal'],
    ]
    t.assert.deepEqual([await states(), await states()], [unknown, unknown])
    t.assert.deepEqual(failures, [['disk', error]])
    t.assert.deepEqual((await states())[0], ['disk', true, 'writable'])
    t.assert.deepEqual(await states(), unknown)
    t.assert.equal(failures.length, 2)
  })

  test('what does not respond has its previous state, and is not asked again for every probe', async (t: TestContext) => {
    const parts = createParts((_part, error) => t.assert.ifError(error))
    const hanging = Promise.withResolvers<void>()
    let asked = 0
    parts.add('database', async () => {
      asked += 1
      if (asked === 2) await hanging.promise
      return { ready: true, state: asked === 1 ? 'connected' : 'unreachable' }
    })
    const state = async () => (await parts.states())[0]?.state
    t.assert.equal(await state(), 'connected')
    t.assert.deepEqual(await Promise.all(Array.from({ length: 100 }, state)), Array(100).fill('connected'))
    t.assert.equal(asked, 2)
    hanging.resolve()
    await waitFor('the next state', async () => (await state()) === 'unreachable')
  })
})
