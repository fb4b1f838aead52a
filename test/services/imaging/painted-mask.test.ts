import { type TestContext, test } from 'node:test'
import type { MaskStroke } from '../../../schemas/mask.ts'
import { checkPaints, maskOfStrokes } from '../../../services/imaging/painted-mask.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { checkStrokes } from '../../../services/imaging/stroke-shapes.ts'
import { BAND_ROWS } from '../../../services/imaging/strokes.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

const pixels = createPixelWork({ maxDecodedBytes: 536_870_912 })
const size = { width: 64, height: 4096 }
const area: MaskStroke = { mode: 'add_rectangle', points: [4, 2, 10, 3000] }

for (const [name, paint] of Object.entries({ 'a mask': maskOfStrokes, 'a check': checkPaints })) {
  test(`${name} lets the event loop go on after each band`, async (t: TestContext) => {
    let rounds = 0
    let isOver = false
    const count = () => {
      rounds++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await paint(checkStrokes([area]), size, pixels, claimOf())
    isOver = true
    t.assert.ok(rounds >= size.height / BAND_ROWS, `${rounds} rounds`)
  })

  test(`${name} ends with its client`, async (t: TestContext) => {
    const disconnected = new AbortController()
    setImmediate(() => disconnected.abort())
    const work = paint(checkStrokes([area]), size, pixels, claimOf({ signal: disconnected.signal }))
    await t.assert.rejects(work, { code: 'IMG_ERR_CANCELLED' })
  })
}
