import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import { createImageInputs } from '../../../services/tools/image-inputs.ts'
import { contextOf } from '../../support/calls.ts'
import { plainPng } from '../../support/images/images.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

test('an image that grew after its price was determined is not sent: the call may cost more than was reserved', async (t: TestContext) => {
  const image_path = join(await temporaryFolder(t), 'image.png')
  const inputs = createImageInputs({
    pixels: createPixelWork({ maxDecodedBytes: 10_000_000 }),
    limits: { maxBytes: 1_000_000, maxPixels: 1_000_000, maxEdge: 1_000 },
    readsLocalFiles: true,
    stored: undefined,
  })
  const args = { prompt: 'at night', image_path }
  const read = async (side: number) => {
    await writeFile(image_path, plainPng(side, 1))
    using scope = new DisposableStack()
    return (await inputs.read(args, contextOf(), scope, true)).images.length
  }
  t.assert.strictEqual(await read(90), 1, 'nothing was measured: it has no price')
  await writeFile(image_path, plainPng(40, 1))
  await inputs.measure(args, contextOf())
  t.assert.strictEqual(await read(40), 1)
  t.assert.strictEqual(await read(20), 1)
  await t.assert.rejects(read(41), { code: 'IMG_ERR_IMAGE_CHANGED' })
})
