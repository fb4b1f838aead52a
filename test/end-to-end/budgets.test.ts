import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import { fakeAzure, imageResult, responding } from '../support/fake-azure.ts'
import { callTool, post, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const ann = { 'x-api-key': 'key-of-ann' }
const prompt = 'a lighthouse'

async function start(t: TestContext, rules: object[], environment: Environment = {}) {
  const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
  await writeFile(POLICY_FILE, JSON.stringify({ rules }))
  const variables = { MCP_API_KEYS: 'ann:key-of-ann', AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro', POLICY_FILE, ...environment }
  const service = await startService(t, variables, {}, { ledgerTiming: { everyMs: 50 } })
  const generate = (args: object = {}) => callTool(service.url, 'generate_image', { prompt, ...args }, ann)
  const request = (args: object = {}) => {
    const params = { name: 'generate_image', arguments: { prompt, ...args } }
    return post(service.url, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }), ann)
  }
  const budget = async (rule: string, kind: string) => {
    const { body } = await service.app.inject('/metrics')
    const line = body
      .split('\n')
      .find(
        (each) => each.startsWith('image_mcp_budget_usd') && each.includes(`"${rule}"`) && each.includes(`"${kind}"`),
      )
    return Number(line?.split(' ').at(-1))
  }
  return { ...service, generate, request, budget, variables }
}

test('a budget allows what it has, and rejects the rest with its name and the time until it resets', async (t: TestContext) => {
  // FLUX.2-pro costs US$0.03 for a megapixel.
  const service = await start(t, [{ name: 'team', usd_per_day: 0.07 }])
  for (let call = 0; call < 2; call++) t.assert.equal((await service.generate()).images.length, 1)
  const { status, response } = await service.request()
  t.assert.deepEqual([status, response.error?.code], [429, 429])
  t.assert.match(
    response.error?.message ?? '',
    /^The daily budget of rule team \(\$0\.07\) does not allow this call, which may cost up to \$0\.03; it resets at 00:00 UTC \(in \d+ (s|min|h)\)\.$/,
  )
  t.assert.equal(service.simulator.requests.length, 2)
  await waitFor('the metric', async () => (await service.budget('team', 'spent')) === 0.06 || undefined)
  t.assert.equal(await service.budget('team', 'limit'), 0.07)
  const { body } = await service.app.inject('/metrics')
  t.assert.match(body, /^image_mcp_policy_rejections_total\{rule="team"\} 1$/m)
})

test('a budget gets back what Azure did not bill, and the daily quota too what a budget rejected', async (t: TestContext) => {
  const service = await start(t, [{ name: 'team', usd_per_day: 0.03 }], { IMAGES_PER_DAY: '3' })
  service.simulator.faults.next(1, { name: 'content-filter' })
  t.assert.equal((await service.generate()).isError, true)
  t.assert.equal((await service.generate()).images.length, 1)
  for (let call = 0; call < 4; call++) {
    t.assert.match((await service.request()).response.error?.message ?? '', /^The daily budget of rule team /)
  }
})

async function endOf(url: string, { text }: { text: string }): Promise<string> {
  const [job_id = ''] = /job_[0-9a-f]{32}/.exec(text) ?? []
  const result = await callTool(url, 'get_job', { job_id, wait_ms: 20_000 }, ann)
  return result.isError ? result.text : 'completed'
}

test('the daily quota gets back what a job did not generate', async (t: TestContext) => {
  const { url, simulator, generate, request } = await start(t, [{ name: 'team', usd_per_day: 0.03 }], {
    IMAGES_PER_DAY: '1',
  })
  simulator.faults.next(1, { name: 'content-filter' })
  t.assert.match(await endOf(url, await generate({ job: true })), /filter/)
  t.assert.strictEqual(await endOf(url, await generate({ job: true })), 'completed')
  t.assert.match((await request()).response.error?.message ?? '', /^Daily image quota of rule default exceeded/)
})

test('the daily quota counts the images that were generated, as a rule does, of calls and of jobs', async (t: TestContext) => {
  const filtered = { content_filter_results: { violence: { filtered: true } } }
  const azure = await fakeAzure(t, responding(200, { created: 1, data: [imageResult.data[0], filtered] }))
  const { url, generate, request } = await start(t, [{ name: 'team', images_per_day: 10 }], {
    AZURE_BASE_URL: azure.url,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    IMAGES_PER_DAY: '3',
  })
  t.assert.strictEqual((await generate({ n: 2 })).images.length, 1)
  t.assert.strictEqual(await endOf(url, await generate({ n: 2, job: true })), 'completed')
  t.assert.match((await request({ n: 2 })).response.error?.message ?? '', /^Daily image quota of rule default exceeded/)
  t.assert.strictEqual((await generate({ n: 1 })).images.length, 1)
  t.assert.match((await request({ n: 1 })).response.error?.message ?? '', /^Daily image quota of rule default exceeded/)
})

test('a budget is the same after a restart', async (t: TestContext) => {
  const first = await start(t, [{ name: 'team', images_per_day: 1 }])
  await first.generate({ prompt: 'another lighthouse' })
  await first.app.close()
  const second = await start(t, [{ name: 'team', images_per_day: 1 }], { IMAGES_DIR: first.images })
  t.assert.match((await second.request()).response.error?.message ?? '', /^Daily image quota of rule team exceeded; /)
})

test('the turn of a job counts in the budget, and what it rejects fails the job', async (t: TestContext) => {
  const service = await start(t, [{ name: 'team', usd_per_month: 0.03 }])
  const jobs = [await service.generate({ job: true }), await service.generate({ job: true })]
  const ended = jobs.map((job) => endOf(service.url, job))
  const [a = '', b = ''] = (await Promise.all(ended)).toSorted()
  t.assert.match(a, /The monthly budget of rule team \(\$0\.03\) does not allow this call/)
  t.assert.equal(b, 'completed')
})
