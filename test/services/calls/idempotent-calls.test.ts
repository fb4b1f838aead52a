import { type TestContext, test } from 'node:test'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import { createChain } from '../../../services/calls/chain.ts'
import { createIdempotentCalls } from '../../../services/calls/idempotent-calls.ts'
import { paidCall, silent } from '../../support/calls.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

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
  const run = createChain([calls.around])

  async function callWith(key: string, prompt = 'a', tool = 'generate_image', caller = 'key:alice'): Promise<string> {
    const { call, delivery, scope } = paidCall(
      { prompt, idempotency_key: key },
      {
        caller,
        requestId: 1,
        tool,
        make: async () => {
          world.paid++
          const image = encodeImage(Buffer.from(prompt), { mimeType: 'image/png', width: 2, height: 1 })
          return {
            content: [
              { type: 'text', text: 'done' },
              { type: 'image', data: image, mimeType: image.mimeType },
            ],
          }
        },
      },
    )
    const { content } = await run(call)
    delivery.report({ state: 'sent' })
    delivery.report({ state: 'delivered', proof: 'next_request' })
    await scope.disposeAsync()
    return content.flatMap((block) => (block.type === 'text' ? block.text : [])).join('\n')
  }
  return { world, callWith }
}

test('a result is stored for a day, whatever the wall clock does', async (t: TestContext) => {
  const { world, callWith } = await setUp(t)
  await callWith('k')
  world.wall += 365 * DAY
  world.monotonic = DAY - 1
  t.assert.match(await callWith('k'), /nothing was paid again/)
  world.wall = 0
  world.monotonic = DAY
  t.assert.equal(await callWith('k'), 'done')
  t.assert.equal(world.paid, 2)
})

test('a key that another tool used is rejected', async (t: TestContext) => {
  const { world, callWith } = await setUp(t)
  await callWith('k')
  await t.assert.rejects(callWith('k', 'a', 'edit_image'), /other arguments/)
  t.assert.equal(world.paid, 1)
})

test('results are bounded in number: the oldest is dropped first', async (t: TestContext) => {
  const { world, callWith } = await setUp(t)
  for (const key of ['1', '2', '3']) await callWith(key)
  t.assert.match(await callWith('3'), /nothing was paid again/)
  t.assert.equal(await callWith('1'), 'done')
  t.assert.equal(world.paid, 4)
})

test('a caller that uses many keys drops none of another caller', async (t: TestContext) => {
  const { world, callWith } = await setUp(t)
  await callWith('own', 'a', 'generate_image', 'key:bob')
  for (let n = 0; n < 10; n++) await callWith(String(n))
  t.assert.match(await callWith('own', 'a', 'generate_image', 'key:bob'), /nothing was paid again/)
  t.assert.equal(world.paid, 11)
})
