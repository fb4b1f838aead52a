import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { STUDIO_META, StudioMetaSchema } from '../../schemas/studio.ts'
import { minimalEnvironment } from '../support/app.ts'
import { modernRequest, withTasks } from '../support/modern-client.ts'
import { post, startService } from '../support/service.ts'
import { startStdio } from '../support/stdio-client.ts'
import { callFromStudio, studioResult } from '../support/studio.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const schema = Compile(StudioMetaSchema)
const gpt = { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }

/** A call of a caller that speaks JSON-RPC only. */
async function callBare(url: string, name: string, args: object, headers: Record<string, string> = {}) {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
  return (await post(url, JSON.stringify(message), headers)).response
}

describe('the studio reads beside the text of a result', () => {
  test('the images of find_images, whose long prompts are cut', async (t: TestContext) => {
    const { url } = await startService(t)
    const prompt = `a fox ${'🦊'.repeat(600)}`
    await callFromStudio(url, 'generate_image', { prompt, tags: ['red'], output_path: 'fox.png' })
    await callFromStudio(url, 'generate_image', { prompt: 'a boat' })
    const { facts } = await callFromStudio(url, 'find_images', { limit: 1 })
    t.assert.deepStrictEqual(schema.Errors(facts), [])
    t.assert.deepStrictEqual(
      facts?.list?.images.map((image) => image.prompt),
      ['a boat'],
    )
    const next = await callFromStudio(url, 'find_images', { limit: 1, cursor: facts?.list?.nextCursor })
    t.assert.strictEqual(next.facts?.list?.nextCursor, undefined)
    const [image] = next.facts?.list?.images ?? []
    t.assert.partialDeepStrictEqual(image, { name: 'fox.png', tags: ['red'], isOwn: true, origin: 'generated' })
    t.assert.strictEqual(image?.prompt?.length, 1000)
    t.assert.ok(image?.prompt?.endsWith('…') && image.prompt.isWellFormed())
    t.assert.ok(!JSON.stringify(image).includes('owner'))
  })

  test('what each model takes, also of a single one, and the tools of the caller', async (t: TestContext) => {
    const { url } = await startService(t, { ...gpt, TOOLS: 'default,delete_image' })
    const { facts } = await callFromStudio(url, 'list_models')
    t.assert.deepStrictEqual(schema.Errors(facts), [])
    const { models = [], tools = [], version } = facts?.service ?? {}
    t.assert.match(String(version), /^\d+\.\d+\.\d+/)
    t.assert.partialDeepStrictEqual(models, [
      { name: 'gpt-image-2', model: 'gpt-image-2', generate: { maxCount: 10, takesAnySize: true, hasMask: false } },
    ])
    t.assert.partialDeepStrictEqual(models[0]?.generate?.sizes, ['1024x1024', '1024x1536', '1536x1024'])
    t.assert.deepStrictEqual(models[0]?.edit?.qualities, ['low', 'medium', 'high', 'auto'])
    t.assert.ok(models[0]?.edit?.hasMask)
    for (const name of ['generate_image', 'find_images', 'delete_image']) t.assert.ok(tools.includes(name), name)
    t.assert.ok(!tools.includes('update_image'))
  })

  for (const [names, operations] of [
    ['default', ['generate', 'edit']],
    ['edit_image,get_job,list_models,studio_image', ['edit']],
    // Without `get_job` it would pay for images that it never sees.
    ['generate_image,edit_image,list_models,studio_image', []],
  ] as const) {
    test(`of each model what it can do with the tools ${names}`, async (t: TestContext) => {
      const { url } = await startService(t, { TOOLS: names })
      const { facts } = await callFromStudio(url, 'list_models')
      const [model = {}] = facts?.service?.models ?? []
      t.assert.deepStrictEqual(
        Object.keys(model).filter((name) => name === 'generate' || name === 'edit'),
        operations,
      )
    })
  }

  test('of a model that takes shapes, those shapes and no sizes', async (t: TestContext) => {
    const { url } = await startService(t)
    const { facts } = await callFromStudio(url, 'list_models')
    const [model] = facts?.service?.models ?? []
    t.assert.strictEqual(model?.generate?.sizes, undefined)
    t.assert.ok(model?.generate?.aspectRatios?.includes('16:9'))
    t.assert.deepStrictEqual(
      [model?.generate?.hasSeed, model?.generate?.maxCount, model?.edit?.hasMask],
      [true, 1, false],
    )
  })

  test('of the tools those that a stranger may use', async (t: TestContext) => {
    const { url } = await startService(t, { MCP_SERVER_HOST: '0.0.0.0' })
    const { facts } = await callFromStudio(url, 'list_models')
    t.assert.ok(facts?.service?.tools.includes('edit_image'))
    t.assert.ok(!facts?.service?.tools.includes('find_images'))
  })

  test('the price of a dry run, and nothing is sent', async (t: TestContext) => {
    const { url, simulator } = await startService(t, gpt)
    const { facts, text } = await callFromStudio(url, 'generate_image', { prompt: 'a fox', n: 2, dry_run: true })
    t.assert.match(text, /^Dry run: nothing was sent/)
    t.assert.deepStrictEqual(schema.Errors(facts), [])
    t.assert.partialDeepStrictEqual(facts?.quote, { model: 'gpt-image-2', width: 1024, height: 1024, count: 2 })
    t.assert.ok((facts?.quote?.usd ?? 0) > 0)
    t.assert.strictEqual(facts?.quote?.problem, undefined)
    t.assert.strictEqual(simulator.requests.length, 0)
  })

  test('a job with the time that it will take, and then its images', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const release = simulator.hold()
    const args = { prompt: 'a fox', job: true, return: 'preview', idempotency_key: 'studio-1' }
    const submitted = await callFromStudio(url, 'generate_image', args)
    const { id = '' } = submitted.facts?.job ?? {}
    t.assert.deepStrictEqual(schema.Errors(submitted.facts), [])
    t.assert.partialDeepStrictEqual(submitted.facts, { job: { state: 'queued' } })
    t.assert.ok((submitted.facts?.job?.remainingMs ?? 0) > 0)
    const repeated = await callFromStudio(url, 'generate_image', args)
    t.assert.deepStrictEqual(repeated.facts, { job: { id, state: 'queued' } })
    const running = await callFromStudio(url, 'get_job', { job_id: id })
    t.assert.ok(['queued', 'running'].includes(running.facts?.job?.state ?? ''))
    t.assert.ok(Number.isFinite(running.facts?.job?.remainingMs))
    release()
    const done = await callFromStudio(url, 'get_job', { job_id: id, wait_ms: 20_000 })
    t.assert.deepStrictEqual(schema.Errors(done.facts), [])
    t.assert.partialDeepStrictEqual(done.facts?.job, {
      id,
      state: 'completed',
      images: [{ prompt: 'a fox', isOwn: true }],
    })
  })

  test('why a job failed, as a state', async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    simulator.faults.next(1, { name: 'content-filter' })
    const submitted = await callFromStudio(url, 'generate_image', { prompt: 'a fox', job: true })
    const done = await callFromStudio(url, 'get_job', { job_id: submitted.facts?.job?.id, wait_ms: 20_000 })
    t.assert.deepStrictEqual([done.isError, done.facts?.job?.state], [true, 'failed'])
  })

  test('the code that confirms a price, which is no problem of a dry run', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'policy.json')
    await writeFile(file, JSON.stringify({ rules: [{ name: 'ask', confirm_above_usd: 0.001, max_n: 2 }] }))
    const { url } = await startService(t, { ...gpt, POLICY_FILE: file })
    const args = { prompt: 'a fox', quality: 'low' }
    const dry = await callFromStudio(url, 'generate_image', { ...args, dry_run: true })
    t.assert.strictEqual(dry.facts?.quote?.problem, undefined)
    const many = await callFromStudio(url, 'generate_image', { ...args, n: 3, dry_run: true })
    t.assert.match(String(many.facts?.quote?.problem), /^Rule ask would reject it: n may be at most 2\.$/)
    const asked = await callFromStudio(url, 'generate_image', args)
    t.assert.ok(asked.isError)
    t.assert.deepStrictEqual(schema.Errors(asked.facts), [])
    const { code, usd = 0 } = asked.facts?.confirmation ?? {}
    t.assert.ok(asked.text.includes(`"confirm_cost": "${code}"`) && usd > 0)
    t.assert.strictEqual((await callFromStudio(url, 'generate_image', { ...args, confirm_cost: code })).isError, false)
  })

  test('of a dry run the limit that is reached, also where the price has to be confirmed', async (t: TestContext) => {
    const file = join(await temporaryFolder(t), 'policy.json')
    await writeFile(file, JSON.stringify({ rules: [{ name: 'ask', confirm_above_usd: 0.001 }] }))
    const { url } = await startService(t, { ...gpt, POLICY_FILE: file, IMAGES_PER_DAY: '1' })
    const dry = await callFromStudio(url, 'generate_image', { prompt: 'a fox', n: 2, dry_run: true })
    t.assert.match(String(dry.facts?.quote?.problem), /^Daily image quota of rule default exceeded/)
    t.assert.match(dry.text, /Daily image quota.*\nRule ask would reject it: it asks for confirmation/)
  })
})

describe('what only the studio reads', () => {
  const args = { prompt: 'a fox', job: true }

  test('has clients of 2026-07-28 too, in a task as well', async (t: TestContext) => {
    const { url } = await startService(t)
    const call = { name: 'list_models', arguments: {} }
    t.assert.ok((await modernRequest(url, 'tools/call', call)).result._meta[STUDIO_META].service)
    const submitted = await modernRequest(
      url,
      'tools/call',
      { name: 'generate_image', arguments: args },
      { capabilities: withTasks },
    )
    const { id } = submitted.result._meta[STUDIO_META].job
    await callFromStudio(url, 'get_job', { job_id: id, wait_ms: 20_000 })
    const { result } = await modernRequest(url, 'tasks/get', { taskId: id })
    t.assert.strictEqual(result.result._meta[STUDIO_META].job.images.length, 1)
  })

  test('never reaches callers without MCP headers, older clients, batches and the OpenAI door', async (t: TestContext) => {
    const { url } = await startService(t)
    for (const headers of [{}, { 'mcp-protocol-version': '2025-03-26' }]) {
      for (const name of ['generate_image', 'find_images', 'list_models']) {
        const response = await callBare(url, name, name === 'generate_image' ? args : {}, headers)
        t.assert.ok(response.result)
        t.assert.ok(!JSON.stringify(response).includes('_meta'), name)
      }
    }
    const batch = JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'find_images' } }])
    t.assert.ok(!JSON.stringify(await post(url, batch)).includes('_meta'))
    const openai = await post(`${url}/v1/images/generations`, JSON.stringify({ prompt: 'a fox' }))
    t.assert.ok(!JSON.stringify(openai.response).includes('_meta'))
  })

  test('is gone with STUDIO=off, and with LIBRARY=off', async (t: TestContext) => {
    for (const environment of [{ STUDIO: 'off' }, { LIBRARY: 'off' }]) {
      const { url } = await startService(t, environment)
      const { raw } = await callFromStudio(url, 'generate_image', { prompt: 'a fox' })
      t.assert.strictEqual(raw._meta, undefined)
      t.assert.match((await callFromStudio(url, 'generate_image', { prompt: 'a fox', dry_run: true })).text, /dry_run/)
    }
  })

  test('comes over stdio once a handshake has settled the revision', async (t: TestContext) => {
    const IMAGES_DIR = await temporaryFolder(t)
    const client = startStdio({ ...minimalEnvironment, IMAGES_DIR })
    t.after(() => client.kill())
    const call = (id: number, method: string, params: object) =>
      client.request(id, JSON.stringify({ jsonrpc: '2.0', id, method, params })).then((line) => JSON.parse(line).result)
    const call1 = await call(1, 'tools/call', { name: 'list_models', arguments: {} })
    t.assert.strictEqual(call1._meta, undefined)
    const clientInfo = { name: 'test', version: '1' }
    await call(2, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
    const listed = studioResult(await call(3, 'tools/call', { name: 'list_models', arguments: {} }))
    t.assert.ok(listed.facts?.service?.tools.includes('find_images'))
    t.assert.strictEqual(await client.end(), 0)
  })
})
