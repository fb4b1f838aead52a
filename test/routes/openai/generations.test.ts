import { type TestContext, test } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import { listen } from '../../support/app.ts'
import { postJson, key as simulatedKey, startSimulator } from '../../support/simulator.ts'

/** The service before a simulated Azure, and what its second door says to a body. */
async function openDoor(t: TestContext, environment: Environment = {}) {
  const { url: azure, simulator } = await startSimulator(t)
  const built = await listen(t, { AZURE_BASE_URL: azure, AZURE_API_KEY: simulatedKey, ...environment })
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const response = await postJson(`${built.url}/v1/images/generations`, body, headers)
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
  }
  return { ...built, simulator, post }
}

test('an image is generated and returned as base64, with its id in the library', async (t: TestContext) => {
  const { post } = await openDoor(t)
  const { status, body, headers } = await post({ prompt: 'a kite', n: 1, size: '1024x1024' })
  t.assert.strictEqual(status, 200)
  t.assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  t.assert.deepStrictEqual([...Buffer.from(body.data[0].b64_json, 'base64').subarray(1, 4)], [0x50, 0x4e, 0x47])
  t.assert.match(body.data[0].id, /^img_[0-9a-z]{26}$/)
  t.assert.partialDeepStrictEqual(body, { size: '1024x1024', output_format: 'png' })
  t.assert.ok(Math.abs(body.created - Date.now() / 1000) < 60)
})

test('the url of an image is a link that opens it', async (t: TestContext) => {
  const { post } = await openDoor(t)
  const { body } = await post({ prompt: 'a kite', response_format: 'url' })
  const response = await fetch(body.data[0].url)
  t.assert.strictEqual(response.headers.get('content-type'), 'image/png')
  t.assert.ok((await response.arrayBuffer()).byteLength > 1000)
})

test('what the model cannot do names the member, and nothing is sent', async (t: TestContext) => {
  const { post, simulator } = await openDoor(t)
  const { status, body } = await post({ prompt: 'a kite', quality: 'hd' })
  t.assert.strictEqual(status, 400)
  t.assert.partialDeepStrictEqual(body.error, {
    type: 'invalid_request_error',
    param: 'quality',
    code: 'model_argument',
  })
  t.assert.strictEqual(simulator.requests.length, 0)
})

test('with OPENAI_API=off the door does not exist', async (t: TestContext) => {
  const { post } = await openDoor(t, { OPENAI_API: 'off' })
  const { status, body } = await post({ prompt: 'a kite' })
  t.assert.strictEqual(status, 404)
  t.assert.strictEqual(body.error, undefined)
})

test('calls are counted by the door they came in, and only what generates images comes in here', async (t: TestContext) => {
  const { post, url } = await openDoor(t)
  await post({ prompt: 'a kite' })
  await postJson(url, {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: { prompt: 'a kite' } },
  })
  await post({ prompt: 'a kite' })
  const counts = (await (await fetch(`${url}/metrics`)).text()).split('\n')
  const of = (series: string) => counts.filter((line) => line.startsWith(`image_mcp_tool_${series}`))
  t.assert.deepStrictEqual(of('calls_total{tool="generate_image",outcome="ok"'), [
    'image_mcp_tool_calls_total{tool="generate_image",outcome="ok",door="mcp"} 1',
    'image_mcp_tool_calls_total{tool="generate_image",outcome="ok",door="openai"} 2',
  ])
  t.assert.deepStrictEqual(of('call_duration_seconds_count{tool="generate_image"'), [
    'image_mcp_tool_call_duration_seconds_count{tool="generate_image",door="mcp"} 1',
    'image_mcp_tool_call_duration_seconds_count{tool="generate_image",door="openai"} 2',
  ])
  t.assert.strictEqual(of('calls_total{tool="find_images",outcome="ok"').length, 1)
})
