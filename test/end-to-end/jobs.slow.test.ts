import { describe, type TestContext, test } from 'node:test'
import { plainPng } from '../support/images/images.ts'
import { idIn } from '../support/library-round.ts'
import { callTool, startService } from '../support/service.ts'

const jobIn = (text: string) => /Job id: (job_[0-9a-f]{32});/.exec(text)?.[1] ?? ''

test('a call with job: true returns an id at once, and get_job the image as often as asked', async (t: TestContext) => {
  const { url } = await startService(t)
  const submitted = await callTool(url, 'generate_image', { prompt: 'a red fox', job: true })
  t.assert.match(
    submitted.text,
    /^The image is still being generated \(about \d+ s\)\. Job id: job_[0-9a-f]{32}; call get_job with it\.$/,
  )
  const job_id = jobIn(submitted.text)
  const first = await callTool(url, 'get_job', { job_id, wait_ms: 20_000 })
  t.assert.strictEqual(first.content[0]?.text, 'Image successfully generated.')
  t.assert.match(idIn(first.text), /^img_/)
  const again = await callTool(url, 'get_job', { job_id })
  t.assert.deepStrictEqual(again.images, first.images)
  t.assert.strictEqual(first.images.length, 1)
})

test('a job has the images that the client sent, and those that it names, as they were when it was submitted', async (t: TestContext) => {
  const { url, simulator } = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const generated = await callTool(url, 'generate_image', { prompt: 'a fox' })
  const args = {
    prompt: 'at night',
    image: 'last',
    mask_region: { x: 10, y: 10, width: 100, height: 100 },
    reference_images_base64: [plainPng(40, 1).toString('base64'), plainPng(50, 2).toString('base64')],
  }
  const direct = await callTool(url, 'edit_image', args)
  t.assert.strictEqual(direct.isError, false, direct.text)
  const id = idIn(generated.text)
  const submitted = await callTool(url, 'edit_image', { ...args, image: id, job: true })
  const done = await callTool(url, 'get_job', { job_id: jobIn(submitted.text), wait_ms: 20_000 })
  t.assert.deepStrictEqual([done.isError, done.images.length], [false, 1], done.text)
  const [first, second] = simulator.requests.slice(-2)
  t.assert.deepStrictEqual([second?.fields, second?.files], [first?.fields, first?.files])
})

describe('a call that its client does not wait for', () => {
  const headers = (version: string) => ({ 'mcp-protocol-version': version })

  test('is handed over to a job, whose result get_job returns', async (t: TestContext) => {
    const { url, simulator } = await startService(t, { HANDOFF_AFTER_MS: '1000' })
    const release = simulator.hold()
    const late = await callTool(url, 'generate_image', { prompt: 'a fox' }, headers('2025-11-25'))
    release()
    const done = await callTool(url, 'get_job', { job_id: jobIn(late.text), wait_ms: 20_000 })
    t.assert.deepStrictEqual([done.isError, done.images.length], [false, 1], done.text)
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('stays a call for clients that speak no MCP', async (t: TestContext) => {
    const { url } = await startService(t, { HANDOFF_AFTER_MS: '1000' }, { latencyMs: 1500 })
    t.assert.strictEqual((await callTool(url, 'generate_image', { prompt: 'a fox' })).images.length, 1)
  })
})
