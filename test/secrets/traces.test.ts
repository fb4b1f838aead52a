import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startCollector } from '../support/collector.ts'
import { plainPng } from '../support/images/images.ts'
import { callTool, post, startService } from '../support/service.ts'

test('no trace has a path, an id, a signature, an upload token, a caller or a text of a client in it', async (t: TestContext) => {
  const collector = await startCollector(t)
  const key = 'CallerKey9Gf5RdEx1PoIu7Lk2Mn4Bv6'
  const { url, images, simulator } = await startService(t, {
    ...collector.environment,
    MCP_API_KEYS: `ann-at-home:${key}`,
  })
  const headers = { 'x-api-key': key, 'user-agent': 'SecretAgent', 'x-request-id': 'SecretRequest' }
  const call = (name: string, args: object) => callTool(`${url}/mcp?secret=InTheQuery`, name, args, headers)
  const output_path = join(images, 'HolidayFolder/beach.png')
  const prompt = 'a crimson umbrella'
  const made = await call('generate_image', { prompt, output_path, tags: ['PrivateTag'] })
  const [id = ''] = /img_[0-9a-z]{26}/.exec(made.text) ?? []
  const link = await call('get_image', { id, as: 'link' })
  const [address = ''] = /http:\S+\?\S+/.exec(link.text) ?? []
  t.assert.strictEqual((await fetch(address)).status, 200)
  t.assert.strictEqual((await fetch(`${address}1`)).status, 404)
  const upload = await call('request_upload', { for: 'image' })
  const [, uploadUrl = '', token = ''] = /(http:\S+\/uploads\/([\w.-]+))/.exec(upload.text) ?? []
  const body = new Uint8Array(plainPng(64, 1))
  const stored = await fetch(uploadUrl, { method: 'PUT', body, headers: { 'content-type': 'image/png' } })
  t.assert.ok(stored.ok, `${stored.status} ${upload.text}`)
  simulator.faults.next(1, 'content-filter')
  await call('edit_image', { prompt, image: id, output_path: '../../etc/passwd' })
  const job = await call('generate_image', { prompt, job: true, idempotency_key: 'SecretRetryKey' })
  const [jobId = ''] = /job_[0-9a-f]{32}/.exec(job.text) ?? []
  const unknown = {
    jsonrpc: '2.0',
    id: 'an id with SecretWords',
    method: 'tools/call',
    params: { name: 'no_such_tool' },
  }
  await post(`${url}/mcp`, JSON.stringify(unknown), headers)
  await post(`${url}/mcp`, JSON.stringify({ ...unknown, id: 7, method: 'SecretMethod/of-a-client' }), headers)
  // Azure's own texts, among them the signature of a link to an image.
  const fromAzure = { name: 'url' as const, base: 'http://127.0.0.1:9/AzureFolder?sig=AzureSignature' }
  for (const fault of [fromAzure, 'operation-not-supported', 'bad-gateway-html'] as const) {
    simulator.faults.next(1, fault)
    await call('generate_image', { prompt: `${prompt} ${JSON.stringify(fault).length}` })
  }
  await fetch(`${url}/images/SecretPath?sig=SecretSignature`)
  await fetch(`${url}/SecretPath`, { method: 'PURGE' })
  await collector.waitForSpans('process jobs')
  await collector.waitForSpans('HTTP')
  await collector.waitForSpans('PUT /uploads/*')
  const exported = Buffer.concat(collector.bodies).toString()
  const { searchParams } = new URL(address)
  const texts = [id, jobId, token, searchParams.get('s') ?? '', images, 'HolidayFolder', 'PrivateTag', 'passwd', key]
  for (const text of [
    ...texts,
    'ann-at-home',
    prompt,
    'crimson',
    'no_such_tool',
    'Secret',
    'InTheQuery',
    'AzureFolder',
    'AzureSignature',
    '<html',
  ]) {
    t.assert.ok(text.length > 4, texts.join())
    t.assert.ok(!exported.includes(text), text)
  }
})
