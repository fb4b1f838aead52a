import { request } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import FormData from 'form-data'
import { png } from '../../support/images/images.ts'
import { type Service, startService } from '../../support/service.ts'

/**
 * The requests of apps, written after their sources: headers, members in their order and form, and what they read of the
 * response. None of them is installed here.
 */

const key = '0123456789abcdef0123456789abcdef'
const bearer = { authorization: `Bearer ${key}` }
const gptImage = { MCP_API_KEYS: `app:${key}`, AZURE_DEPLOYMENT_NAME: 'gpt-image-1' }
const flux = { MCP_API_KEYS: `app:${key}`, AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro' }

interface Images {
  created: number
  data: { b64_json: string; url?: string }[]
}

/** Sends bytes in the chunks in which they are, without a length, as streams of other programs do. */
async function send(url: string, headers: Record<string, string>, body: Iterable<Buffer> | AsyncIterable<Buffer>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; json: Images }>()
  const sent = request(url, { method: 'POST', headers }, async (response) => {
    let text = ''
    for await (const chunk of response) text += chunk
    resolve({ status: response.statusCode ?? 0, json: JSON.parse(text) })
  }).on('error', reject)
  Readable.from(body).pipe(sent)
  return await promise
}

/** Reads what every one of the apps does: `data[0].b64_json`. */
function checkImage(t: TestContext, { status, json }: { status: number; json: Images }): void {
  t.assert.equal(status, 200, JSON.stringify(json).slice(0, 300))
  const [image] = json.data
  t.assert.equal(image?.url, undefined)
  t.assert.equal(Buffer.from(String(image?.b64_json), 'base64').toString('latin1', 1, 4), 'PNG')
}

function lastRequest({ simulator }: Service) {
  const { fields = {}, files = [] } = simulator.requests.at(-1) ?? {}
  return { ...fields, files: files.map(({ field }) => field) }
}

async function postJson(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer, ...headers },
    body,
  })
  return { status: response.status, json: (await response.json()) as Images }
}

// https://github.com/open-webui/open-webui/blob/main/backend/open_webui/routers/images.py
test('Open WebUI generates and edits', async (t: TestContext) => {
  const service = await startService(t, flux)
  const api = `${service.url}/v1`
  const user = {
    'X-OpenWebUI-User-Name': 'Ann%20Other',
    'X-OpenWebUI-User-Email': 'ann@example.com',
    'X-OpenWebUI-User-Role': 'user',
  }
  const generation = { model: 'FLUX.2-pro', prompt: 'a fox', n: 1, size: '512x512', response_format: 'b64_json' }
  checkImage(t, await postJson(`${api}/images/generations`, JSON.stringify(generation), user))
  // Its admins may still have a version of Azure's API there.
  checkImage(t, await postJson(`${api}/images/generations?api-version=2025-04-01-preview`, JSON.stringify(generation)))

  const image = await png(40, 40)
  const text = (name: string, value: string) =>
    `--7a1c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = (name: string) =>
    `--7a1c\r\nContent-Type: image/png\r\nContent-Disposition: form-data; name="${name}"; filename="7b0d.png"\r\n\r\n`
  const fields = [
    text('model', 'FLUX.2-pro'),
    text('prompt', 'im Schnee 雪'),
    text('size', '512x512'),
    text('response_format', 'b64_json'),
  ].map((each) => Buffer.from(each))
  const headers = { ...bearer, ...user, 'content-type': 'multipart/form-data; boundary=7a1c' }
  for (const names of [['image'], ['image[]', 'image[]']]) {
    const files = names.flatMap((name) => [Buffer.from(file(name)), image, Buffer.from('\r\n')])
    checkImage(t, await send(`${api}/images/edits`, headers, [...fields, ...files, Buffer.from('--7a1c--\r\n')]))
    t.assert.match(JSON.stringify(lastRequest(service)), /im Schnee 雪/)
  }
})

// https://github.com/danny-avila/LibreChat/blob/main/api/app/clients/tools/structured/OpenAIImageTools.js
test('LibreChat generates and edits', async (t: TestContext) => {
  const service = await startService(t, gptImage)
  const api = `${service.url}/v1`
  const generation = {
    model: 'gpt-image-1',
    prompt: 'a fox',
    n: 1,
    background: 'auto',
    output_format: 'png',
    quality: 'auto',
    size: 'auto',
  }
  checkImage(t, await postJson(`${api}/images/generations`, JSON.stringify(generation)))

  const form = new FormData()
  form.append('model', 'gpt-image-1')
  form.append('prompt', 'in snow')
  form.append('quality', 'auto')
  form.append('size', 'auto')
  for (const name of ['one.png', 'two.png']) {
    form.append('image[]', Readable.from([await png(40, 40)]), { filename: name, contentType: 'image/png' })
  }
  // A stream has no length, so that axios sends chunks.
  checkImage(t, await send(`${api}/images/edits`, { ...form.getHeaders(), ...bearer }, form.pipe(new PassThrough())))
  t.assert.deepEqual(lastRequest(service).files, ['image[]', 'image[]'])
})

// https://github.com/n8n-io/n8n/blob/master/packages/@n8n/nodes-langchain/nodes/vendors/OpenAi/v2/actions/image/edit.operation.ts
test('n8n generates and edits', async (t: TestContext) => {
  const service = await startService(t, gptImage)
  const api = `${service.url}/v1`
  checkImage(t, await postJson(`${api}/images/generations`, '{"prompt":"a fox","model":"gpt-image-1"}'))

  const form = new FormData()
  form.append('image[]', await png(40, 40), { filename: 'file.png', contentType: 'image/png' })
  form.append('prompt', 'in snow')
  form.append('model', 'gpt-image-1')
  form.append('n', '1')
  form.append('size', '1024x1024')
  form.append('background', 'auto')
  form.append('input_fidelity', 'low')
  form.append('quality', 'auto')
  checkImage(t, await send(`${api}/images/edits`, { ...form.getHeaders(), ...bearer }, [form.getBuffer()]))
  t.assert.deepEqual(lastRequest(service).files, ['image'])
})
