import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { fakeAzure, responding } from '../support/fake-azure.ts'
import { noisePng } from '../support/images/images.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official client ends a connection on a line of more than 10 MiB; ten of these images take 23 MB. */
const image = noisePng(1300)

async function connect(t: TestContext, count: number, environment: Record<string, string> = {}) {
  const home = await temporaryFolder(t)
  const data = Array.from({ length: count }, () => ({ b64_json: image.toString('base64') }))
  const azure = await fakeAzure(t, responding(200, { created: 1, data }))
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [fileURLToPath(new URL('../../server.ts', import.meta.url)), '--stdio'],
    env: {
      HOME: home,
      AZURE_BASE_URL: azure.url,
      AZURE_API_KEY: 'key',
      AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
      LOG_LEVEL: 'error',
      ...environment,
    },
  })
  const client = new Client({ name: 'official-client', version: '1.0.0' })
  t.after(() => client.close())
  await client.connect(transport)
  const generate = async (args: object = {}) =>
    Object(await client.callTool({ name: 'generate_image', arguments: { prompt: 'x', n: count, ...args } }))
  return { client, home, generate }
}

const pathsIn = (text: string) => [...text.matchAll(/Saved to server at: (.*)$/gm)].map(([, path = '']) => path)

test('over stdio ten large images are saved and returned as previews, and the connection lasts', async (t: TestContext) => {
  const { client, home, generate } = await connect(t, 10)
  const { content } = await generate()
  const previews = content.filter(({ type }: { type: string }) => type === 'image')
  t.assert.strictEqual(previews.length, 10)
  const total = previews.reduce((sum: number, { data }: { data: string }) => sum + data.length, 0)
  t.assert.ok(total <= 8_388_608 && total > 4_000_000, `${total}`)
  const paths = [...content[11].text.matchAll(/The whole image is at: (.*)$/gm)].map(([, path = '']) => path)
  t.assert.strictEqual(new Set(paths).size, 10)
  for (const path of paths) {
    t.assert.ok(path.startsWith(join(home, 'azure-image-editor/images/')), path)
    t.assert.ok((await readFile(path)).equals(image))
  }
  t.assert.deepStrictEqual(
    content.slice(11).map(({ type }: { type: string }) => type),
    ['text', ...Array(10).fill('resource_link')],
  )
  await client.ping()
})

test('over stdio an image is whole as long as the response stays below the limit', async (t: TestContext) => {
  const { generate } = await connect(t, 3)
  const { content } = await generate()
  t.assert.strictEqual(content[0].text, Array(3).fill('Image successfully generated.').join('\n'))
  for (const { data } of content.slice(1, 4)) t.assert.strictEqual(data, image.toString('base64'))
})

test('over stdio images that can neither be sent nor saved in the images folder are saved in a temporary one', async (t: TestContext) => {
  const occupied = join(await temporaryFolder(t), 'images')
  await writeFile(occupied, 'a file in the place of the folder')
  const temporary = await temporaryFolder(t)
  const { client, generate } = await connect(t, 5, { IMAGES_DIR: occupied, TMPDIR: temporary })
  const { content } = await generate({ output_path: 'x.png' })
  const paths = pathsIn(content[0].text)
  t.assert.strictEqual(paths.length, 5)
  for (const path of paths) {
    t.assert.ok(path.startsWith(temporary), path)
    t.assert.ok((await readFile(path)).equals(image))
  }
  t.assert.match(
    content[6].text,
    /Not in the library: the store is not writable[\s\S]*temporary folder: move it to keep it/,
  )
  t.assert.strictEqual(content.length, 7)
  await client.ping()
})

test('over stdio a resource that is too large for a line is read as a preview with a text', async (t: TestContext) => {
  const { client, home, generate } = await connect(t, 1)
  await generate({ output_path: 'x.png' })
  await writeFile(join(home, 'azure-image-editor/images/large.png'), noisePng(3000))
  const small = Object(await client.readResource({ uri: 'image:///x.png' })).contents
  t.assert.strictEqual(small[0].blob, image.toString('base64'))
  const [preview, note] = Object(await client.readResource({ uri: 'image:///large.png' })).contents
  t.assert.strictEqual(preview.mimeType, 'image/jpeg')
  t.assert.ok(preview.blob.length <= 8_388_608)
  t.assert.match(note.text, /^The image of 3000x3000 is too large for this connection; this is a preview\./)
})
