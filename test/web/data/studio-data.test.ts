import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../../services/config/environment.ts'
import { createPageBridge, endpointOf } from '../../../web/bridge/page-bridge.ts'
import { createPaidCall } from '../../../web/data/paid-call.ts'
import { createStudioData } from '../../../web/data/studio-data.ts'
import { startService } from '../../support/service.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The studio's calls over a socket, to the service with the simulator. */
async function openStudio(t: TestContext, environment: Environment = {}) {
  const { url, simulator } = await startService(t, {
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    TOOLS: 'default,update_image,delete_image',
    ...environment,
  })
  const bridge = createPageBridge({
    url: endpointOf(`${url}/studio`),
    fetch,
    context: { theme: 'light', locale: 'en', displayMode: 'inline', displayModes: [], variables: {} },
    abilities: {},
    askKey: () => Promise.reject(new Error('No key')),
  })
  const data = createStudioData(bridge)
  let keys = 0
  const call = createPaidCall({
    data,
    tool: 'generate_image',
    onState() {},
    newKey: () => `studio-${++keys}`,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    now: () => performance.now(),
  })
  const images = () => (call.state.name === 'done' ? call.state.images : [])
  const paidCalls = () => simulator.requests.filter(({ method }) => method === 'POST').length
  return { data, call, images, paidCalls, simulator }
}

describe('the calls of the studio', () => {
  test('learn what the service can, and what a call would cost, for nothing', async (t: TestContext) => {
    const { data, paidCalls } = await openStudio(t)
    const { models, tools } = await data.service()
    t.assert.deepStrictEqual(
      models.map(({ name }) => name),
      ['gpt-image-2'],
    )
    t.assert.ok(
      ['generate_image', 'find_images', 'studio_image', 'studio_draft', 'get_job'].every((name) =>
        tools.includes(name),
      ),
    )
    const quote = await data.quote('generate_image', { prompt: 'a fox', n: 2, quality: 'high' })
    t.assert.strictEqual(quote.count, 2)
    t.assert.ok((quote.usd ?? 0) > 0)
    t.assert.strictEqual(paidCalls(), 0)
  })

  test('generate an image, and get it back byte for byte, in chunks', async (t: TestContext) => {
    const { data, call, images } = await openStudio(t)
    await call.submit({ prompt: 'a fox', size: '1536x1024' })
    const [image] = images()
    t.assert.ok(image)
    const whole = await data.file(image.id)
    t.assert.deepStrictEqual(
      [whole.mimeType, whole.bytes.length, whole.image.width],
      [image.mimeType, image.bytes, image.width],
    )
    const small = await data.file(image.id, 256)
    t.assert.ok(small.bytes.length < whole.bytes.length)
    const again = await data.file(image.id)
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    t.assert.strictEqual(hash(again.bytes), hash(whole.bytes))
    t.assert.deepStrictEqual(
      data.seen.map(({ id }) => id),
      [image.id],
    )
  })

  test('list, change and delete images', async (t: TestContext) => {
    const { data, call, images } = await openStudio(t)
    await call.submit({ prompt: 'a fox', n: 2 })
    const [first, second] = images()
    t.assert.ok(first && second)
    await data.updateImage(first.id, { tags: ['winter'] })
    t.assert.deepStrictEqual(
      (await data.list({ tags: ['winter'] })).images.map(({ id }) => id),
      [first.id],
    )
    t.assert.deepStrictEqual((await data.image(first.id)).tags, ['winter'])
    const page = await data.list({ limit: 1 })
    const rest = await data.list({ limit: 1, cursor: page.nextCursor ?? '' })
    t.assert.notStrictEqual(page.images[0]?.id, rest.images[0]?.id)
    t.assert.match((await data.link(first.id)) ?? '', /^http:\/\/127\.0\.0\.1:\d+\/images\/img_/)
    await data.deleteImage(first.id)
    await t.assert.rejects(data.file(first.id), { kind: 'rejected' })
    t.assert.deepStrictEqual(
      (await data.list({})).images.map(({ id }) => id),
      [second.id],
    )
  })

  test('store drafts, each image its own', async (t: TestContext) => {
    const { data, call, images } = await openStudio(t)
    await call.submit({ prompt: 'a fox' })
    const id = images()[0]?.id
    t.assert.strictEqual(await data.draft(id), undefined)
    await data.storeDraft(id, 'strokes')
    await data.storeDraft(undefined, 'a prompt')
    t.assert.deepStrictEqual([await data.draft(id), await data.draft(undefined)], ['strokes', 'a prompt'])
    await data.storeDraft(id, '')
    t.assert.strictEqual(await data.draft(id), undefined)
  })

  test('pay once for a call that is sent twice, before and after its job is done', async (t: TestContext) => {
    const { data, simulator, paidCalls } = await openStudio(t)
    const release = simulator.hold()
    const args = { prompt: 'a fox', idempotency_key: 'studio-once' }
    const [one, other] = [await data.submit('generate_image', args), await data.submit('generate_image', args)]
    t.assert.ok(one.kind === 'job' && other.kind === 'job')
    release()
    const jobs = await Promise.all([one, other].map(({ job }) => data.job(job.id, 20_000)))
    const third = await data.submit('generate_image', args)
    t.assert.ok(third.kind === 'job')
    const last = await data.job(third.job.id, 20_000)
    const ids = [...jobs, last].map(({ images }) => images?.map(({ id }) => id).join())
    t.assert.strictEqual(new Set(ids).size, 1)
    t.assert.strictEqual(paidCalls(), 1)
  })

  test('report a rejection by the service in its words', async (t: TestContext) => {
    const { data, call } = await openStudio(t)
    await call.submit({ prompt: 'fault:content-filter' })
    t.assert.match(call.state.name === 'failed' ? call.state.error.message : '', /content filter/)
    await t.assert.rejects(data.job(`job_${'0'.repeat(32)}`, 0), { kind: 'rejected' })
    await t.assert.rejects(data.quote('generate_image', {}), { kind: 'rejected' })
  })
})

test('a price is agreed to once, and the same call goes on', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'policy.json')
  await writeFile(file, JSON.stringify({ mode: 'enforce', rules: [{ name: 'ask', confirm_above_usd: 0.01 }] }))
  const { call, images, paidCalls } = await openStudio(t, { POLICY_FILE: file })
  await call.submit({ prompt: 'a fox', quality: 'high' })
  t.assert.ok(call.state.name === 'confirming' && (call.state.usd ?? 0) > 0.01)
  t.assert.strictEqual(paidCalls(), 0)
  await call.agree()
  t.assert.strictEqual(images().length, 1)
  t.assert.strictEqual(paidCalls(), 1)
})
