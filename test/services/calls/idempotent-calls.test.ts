import { type TestContext, test } from 'node:test'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import { createDelivery } from '../../../services/calls/delivery.ts'
import { createIdempotentCalls } from '../../../services/calls/idempotent-calls.ts'
import { temporaryFolder } from '../../support/app.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const DAY = 86_400_000

async function setUp(t: TestContext) {
  const world = { wall: Date.UTC(2030, 0, 1), monotonic: 0, paid: 0 }
  const calls = createIdempotentCalls({
    folder: await temporaryFolder(t),
    maxEntries: 2,
    maxBytes: 1_000_000,
    log: silent,
    now: () => world.wall,
    monotonic: () => world.monotonic,
  })
  t.after(() => calls.close())

  async function call(key: string, prompt = 'a', tool = 'generate_image'): Promise<string> {
    const { delivery, advance } = createDelivery()
    const { content } = await calls.attend(
      {
        tool,
        args: { prompt, idempotency_key: key },
        caller: 'key:alice',
        id: 1,
        signal: new AbortController().signal,
        response: { openedAt: 0, track: () => delivery },
        log: silent,
      },
      async () => {
        world.paid++
        const image = encodeImage(Buffer.from(prompt), { mimeType: 'image/png', width: 2, height: 1 })
        return {
          content: [
            { type: 'text', text: 'done' },
            { type: 'image', data: image, mimeType: image.mimeType },
          ],
        }
      },
    )
    advance({ state: 'sent' })
    advance({ state: 'delivered', proof: 'next_request' })
    const [text] = content
    return text?.type === 'text' ? text.text : ''
  }
  return { world, call }
}

test('a result is there for a day, whatever the wall clock does', async (t: TestContext) => {
  const { world, call } = await setUp(t)
  await call('k')
  world.wall += 365 * DAY
  world.monotonic = DAY - 1
  t.assert.match(await call('k'), /nothing was paid again/)
  world.wall = 0
  world.monotonic = DAY
  t.assert.equal(await call('k'), 'done')
  t.assert.equal(world.paid, 2)
})

test('a key that another tool used is rejected', async (t: TestContext) => {
  const { world, call } = await setUp(t)
  await call('k')
  await t.assert.rejects(call('k', 'a', 'edit_image'), /other arguments/)
  t.assert.equal(world.paid, 1)
})

test('results are bounded in number: the oldest goes first', async (t: TestContext) => {
  const { world, call } = await setUp(t)
  for (const key of ['1', '2', '3']) await call(key)
  t.assert.match(await call('3'), /nothing was paid again/)
  t.assert.equal(await call('1'), 'done')
  t.assert.equal(world.paid, 4)
})
