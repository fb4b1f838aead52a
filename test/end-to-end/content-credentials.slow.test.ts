import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'
import { fakeAzure, responding } from '../support/fake-azure.ts'
import { signedPairs } from '../support/images/signed.ts'
import { callTool } from '../support/service.ts'

const prompt = 'a lighthouse'
const PRESERVED = 'Content Credentials: preserved.'
const pairs = await signedPairs(200, 150, 100_000)

async function serviceReturning(t: TestContext, image: Buffer, environment = {}) {
  const azure = await fakeAzure(t, responding(200, { created: 1, data: [{ b64_json: image.toString('base64') }] }))
  return await listen(t, { AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-2', ...environment })
}

async function countsOf(url: string): Promise<Record<string, string>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = text.matchAll(/^image_mcp_content_credentials_total\{state="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries(Array.from(found, ([, state = '', count = '']) => [state, count]))
}

test('an image with Content Credentials is the same in the response and in the store, with and without the library', async (t: TestContext) => {
  for (const LIBRARY of ['on', 'off']) {
    for (const { format, plain, signed } of pairs) {
      const { url, images: folder } = await serviceReturning(t, signed, { LIBRARY })
      const name = `a.${format === 'jpeg' ? 'jpg' : format}`
      const made = await callTool(url, 'generate_image', { prompt, output_path: name })
      t.assert.ok(made.images[0]?.equals(signed), `${format} in the response`)
      t.assert.ok((await readFile(join(folder, name))).equals(signed), `${format} in the store`)
      t.assert.ok(made.text.includes(PRESERVED), made.text)
      t.assert.deepEqual(await countsOf(url), { preserved: '1', stored: '0', absent: '0' })
      const other = await serviceReturning(t, plain, { LIBRARY })
      t.assert.ok(!(await callTool(other.url, 'generate_image', { prompt })).text.includes('Content Credentials'))
      t.assert.deepEqual(await countsOf(other.url), { preserved: '0', stored: '0', absent: '1' })
    }
  }
})

test('a preview says that it has no Content Credentials, and the stored image has them', async (t: TestContext) => {
  for (const { format, signed } of pairs) {
    const { url } = await serviceReturning(t, signed, { INLINE_IMAGE_MAX_BYTES: '30000' })
    const made = await callTool(url, 'generate_image', { prompt })
    t.assert.ok(made.text.includes('The preview has no Content Credentials; the saved file has them.'), made.text)
    t.assert.ok(!made.text.includes(PRESERVED), format)
    t.assert.equal(made.images[0]?.includes('jumb'), false)
    t.assert.deepEqual(await countsOf(url), { preserved: '0', stored: '1', absent: '0' })
  }
})

test('get_image and a link return an image with its Content Credentials', async (t: TestContext) => {
  for (const { format, signed } of pairs) {
    const { url } = await serviceReturning(t, signed)
    const made = await callTool(url, 'generate_image', { prompt })
    const id = /img_[0-9a-z]{26}/.exec(made.text)?.[0]
    const whole = await callTool(url, 'get_image', { id, as: 'image' })
    t.assert.ok(whole.images[0]?.equals(signed), format)
    t.assert.ok(whole.text.includes(PRESERVED), whole.text)
    const preview = await callTool(url, 'get_image', { id })
    t.assert.match(preview.text, /The preview has no Content Credentials/)
    const link = /http:\S+/.exec((await callTool(url, 'get_image', { id, as: 'link' })).text)?.[0] ?? ''
    t.assert.ok(Buffer.from(await (await fetch(link)).arrayBuffer()).equals(signed), `${format} by link`)
  }
})
