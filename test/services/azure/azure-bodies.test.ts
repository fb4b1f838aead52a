import { type TestContext, test } from 'node:test'
import { createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { checkBodies, makeBody } from '../../support/azure-bodies/check.ts'
import { seed } from '../../support/property.ts'

/** The proof has 60,000. */
const COUNT = 2_000

test('every body with an image returns it, and every error is classified', async (t: TestContext) => {
  t.diagnostic(`seed ${seed}, ${COUNT} bodies`)
  const spool = createBufferSpool({ maxBytes: 10_000_000, spillFolders: [] })
  t.assert.equal(await checkBodies(seed, COUNT, spool), undefined)
})

test('a body is made again from its seed and number', (t: TestContext) => {
  t.assert.deepEqual(makeBody(7, 11), makeBody(7, 11))
  t.assert.notDeepEqual(makeBody(7, 11), makeBody(7, 12))
})
