import { type TestContext, test } from 'node:test'
import { isSharper, sharpEdge } from '../../../web/editor/resolution.ts'

const large = { width: 4_000, height: 3_000, bytes: 9_000_000 }

test('the smallest version that is sharp is loaded, and a larger one once it is enlarged', (t: TestContext) => {
  t.assert.strictEqual(sharpEdge(large, 700), 1_024)
  t.assert.strictEqual(sharpEdge(large, 1_025), 2_048)
  t.assert.strictEqual(sharpEdge(large, 4_096), 4_000)
})

test('a file that is small is loaded as it is', (t: TestContext) => {
  t.assert.strictEqual(sharpEdge({ width: 1_024, height: 1_024, bytes: 2_000_000 }, 300), undefined)
  t.assert.strictEqual(sharpEdge({ ...large, bytes: 1_000_000 }, 4_096), undefined)
})

test('an image larger than browsers of phones can show is never loaded whole', (t: TestContext) => {
  t.assert.strictEqual(sharpEdge({ width: 16_000, height: 2_000, bytes: 1_000_000 }, 4_096), 4_096)
})

test('the stored file is the sharpest', (t: TestContext) => {
  t.assert.ok(isSharper(undefined, 4_096) && isSharper(2_048, 1_024))
  t.assert.ok(!isSharper(1_024, undefined) && !isSharper(undefined, undefined) && !isSharper(1_024, 1_024))
})
