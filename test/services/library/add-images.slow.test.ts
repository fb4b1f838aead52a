import { type TestContext, test } from 'node:test'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import { createAddImages, type NewImageFacts } from '../../../services/library/add-images.ts'
import type { ImageStore } from '../../../services/library/image-store.ts'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import { silent } from '../../support/calls.ts'
import { png } from '../../support/images/images.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const neverWritten = (_name: string, _file: unknown, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('an image whose record takes too long is reported as saved and as not in the library', async (t: TestContext) => {
  const local = createLocalImageStore({ folder: await temporaryFolder(t) })
  t.after(() => local.close())
  const store: ImageStore = { ...local, files: { ...local.files, create: neverWritten } }
  const { add } = createAddImages({ store, records: { put: async () => {} }, waitMs: 2_000, log: silent })
  const image = encodeImage(await png(), { mimeType: 'image/png', width: 40, height: 30 })
  const target = await store.resolve('fox.png')
  const [added] = await add([image], { origin: 'generated', owner: 'ann', parents: [], tags: [] }, target)
  t.assert.deepStrictEqual(
    [added?.record, added?.saved?.name, added?.failure?.code],
    [undefined, 'fox.png', 'IMG_ERR_STORE_SLOW'],
  )
})

test('images of one response wait for the store together', async (t: TestContext) => {
  const local = createLocalImageStore({ folder: await temporaryFolder(t) })
  t.after(() => local.close())
  const store: ImageStore = { ...local, files: { ...local.files, create: neverWritten } }
  const waitMs = 3_600_000
  const { add } = createAddImages({ store, records: { put: async () => {} }, waitMs, log: silent })
  const image = encodeImage(await png(), { mimeType: 'image/png', width: 40, height: 30 })
  const since = performance.now() - waitMs
  const facts: NewImageFacts = { origin: 'composite', owner: 'ann', parents: [], tags: [] }
  const [added] = await add([image], facts, undefined, { since })
  t.assert.strictEqual(added?.failure?.code, 'IMG_ERR_STORE_SLOW')
})
