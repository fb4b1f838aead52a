import { type TestContext, test } from 'node:test'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import { createAddImages } from '../../../services/library/add-images.ts'
import type { ImageStore } from '../../../services/library/image-store.ts'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import { temporaryFolder } from '../../support/app.ts'
import { silent } from '../../support/calls.ts'
import { png } from '../../support/images/images.ts'

test('an image whose record takes too long is reported as saved and as not in the library', async (t: TestContext) => {
  const local = createLocalImageStore({ folder: await temporaryFolder(t) })
  t.after(() => local.close())
  const neverWritten = (_name: string, _file: unknown, signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const store: ImageStore = { ...local, files: { ...local.files, create: neverWritten } }
  const { add } = createAddImages({ store, records: { put: async () => {} }, waitMs: 300, log: silent })
  const image = encodeImage(await png(), { mimeType: 'image/png', width: 40, height: 30 })
  const target = await store.resolve('fox.png')
  const [added] = await add([image], { origin: 'generated', owner: 'ann', parents: [], tags: [] }, target)
  t.assert.deepStrictEqual(
    [added?.record, added?.saved?.name, added?.failure?.code],
    [undefined, 'fox.png', 'IMG_ERR_STORE_SLOW'],
  )
})
