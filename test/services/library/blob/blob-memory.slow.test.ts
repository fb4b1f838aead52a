import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Base64Image } from '../../../../services/bytes/base64-image.ts'
import { startAzurite } from '../../../support/azurite.ts'
import { listenOnLoopback } from '../../../support/fake-azure.ts'
import { openBlobPlace, openBlobStore } from '../../../support/stores.ts'
import { waitFor } from '../../../support/wait-for.ts'

const MIB = 1_048_576
const BYTES = 6 * MIB
const IMAGES = 20

const chunk = Buffer.from(Buffer.alloc(98_304, 'content').toString('base64'))

/** Has no memory of its own. */
function largeImage(): Base64Image {
  return new Base64Image({ mimeType: 'image/png', width: 1, height: 1 }, BYTES, {
    *chunks() {
      for (let at = 0; at < BYTES; at += 98_304) yield chunk
    },
    async [Symbol.asyncDispose]() {},
  })
}

test('twenty large images that are uploaded at once need little memory', async (t: TestContext) => {
  await using azurite = await startAzurite()
  const { store, container } = await openBlobPlace(azurite)
  const save = async (name: string) => await store.save({ name }, largeImage())
  await save('warm-up.png')
  const start = process.memoryUsage()
  const most = { rss: 0, arrayBuffers: 0 }
  const watch = setInterval(() => {
    const { rss, arrayBuffers } = process.memoryUsage()
    most.rss = Math.max(most.rss, rss - start.rss)
    most.arrayBuffers = Math.max(most.arrayBuffers, arrayBuffers - start.arrayBuffers)
  }, 2)
  await Promise.all(Array.from({ length: IMAGES }, (_, at) => save(`large-${at}.png`)))
  clearInterval(watch)
  const grown = `RSS ${(most.rss / MIB).toFixed(1)} MiB, buffers ${(most.arrayBuffers / MIB).toFixed(1)} MiB`
  t.diagnostic(grown)
  // A whole image for each of them would be 120 MiB.
  t.assert.ok(most.arrayBuffers < 40 * MIB && most.rss < 90 * MIB, grown)
  const { contentLength } = await container.getBlobClient(`large-${IMAGES - 1}.png`).getProperties()
  t.assert.strictEqual(contentLength, BYTES)
})

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

test('uploads that a silent store made the service give up leave nothing in memory', async (t: TestContext) => {
  const port = await listenOnLoopback(
    t,
    createServer((socket) => socket.on('error', () => {}).pause()),
  )
  const { store } = await openBlobStore(`http://127.0.0.1:${port}/devstoreaccount1/images`)
  const used = () => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const giveUp = () => {
    const signal = AbortSignal.timeout(300)
    const each = (_: unknown, at: number) => store.files.create(`.library/${at}.png`, largeImage(), signal)
    return Promise.allSettled(Array.from({ length: IMAGES }, each))
  }
  await giveUp()
  const start = used()
  const results = await giveUp()
  t.assert.ok(results.every(({ status }) => status === 'rejected'))
  await waitFor('the memory to be free', () => used() - start < MIB, { explain: () => `${used() - start} bytes` })
})
