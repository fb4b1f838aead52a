import { type TestContext, test } from 'node:test'
import { createLoadShare } from '../../../services/limits/load-share.ts'

test('a caller is heavy if it uses at least the average', (t: TestContext) => {
  const share = createLoadShare()
  t.assert.equal(share.isHeavy('a'), false)
  share.charge('a', 1)
  t.assert.equal(share.isHeavy('a'), true)
  share.charge('b', 100)
  t.assert.equal(share.isHeavy('a'), false)
  t.assert.equal(share.isHeavy('b'), true)
  t.assert.equal(share.isHeavy('c'), false)
})

test('past use decays', (t: TestContext) => {
  const share = createLoadShare()
  share.charge('b', 100)
  for (let n = 0; n < 10; n++) share.decay()
  share.charge('a', 50)
  t.assert.equal(share.isHeavy('a'), true)
  t.assert.equal(share.isHeavy('b'), false)
  for (let n = 0; n < 40; n++) share.decay()
  t.assert.equal(share.isHeavy('a'), false)
})
