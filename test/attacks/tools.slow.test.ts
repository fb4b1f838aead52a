import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createApp } from '../../app.ts'
import { LogLines, minimalEnvironment } from '../support/app.ts'
import { fakeAzure, imageResult, pixelPng, responding } from '../support/fake-azure.ts'
import { checkProperty } from '../support/property.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const path = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.constantFrom('..', '.', '', 'a', 'x.png', '%2e%2e', '..\\', '\0', 'C:', 'con', '~', 'neighbour', 'out'),
        fc.string({ unit: 'binary', maxLength: 6 }),
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join('/')),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const image = fc.oneof(
  fc.constant(pixelPng),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  fc.tuple(fc.nat({ max: 80 }), fc.uint8Array({ maxLength: 4 })).map(([at, noise]) => {
    const bytes = Buffer.from(pixelPng, 'base64')
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]).toString('base64')
  }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom('data:image/png;base64,', `data:image/png;base64,${pixelPng}`, 'file:///etc/passwd', '/etc/passwd'),
)
/** Valid except for paths and images. */
const nearArguments = fc.record(
  { prompt: fc.constant('a cat'), output_path: path, image_data_base64: image },
  { requiredKeys: ['prompt', 'output_path'] },
)
const anyArguments = fc.record(
  {
    prompt: fc.oneof(fc.constant('a cat'), fc.jsonValue()),
    output_path: fc.oneof(path, fc.jsonValue()),
    image_data_base64: fc.oneof(image, fc.jsonValue()),
    image_path: fc.constantFrom('/etc/passwd', '../x.png'),
    size: fc.oneof(fc.constantFrom('1024x1024', '99999x1', '0x0', '1e9x1', ''), fc.jsonValue()),
    n: fc.oneof(fc.constantFrom(-1, 0, 1.5, 1e9), fc.jsonValue()),
    seed: fc.jsonValue(),
  },
  { requiredKeys: ['prompt'] },
)
const toGenerate = nearArguments.map(({ prompt, output_path }) => ({ prompt, output_path }))
const call = fc.oneof(
  fc.record({ name: fc.constant('generate_image'), arguments: toGenerate }),
  fc.record({ name: fc.constant('edit_image'), arguments: nearArguments }),
  fc.record({ name: fc.constantFrom('generate_image', 'edit_image'), arguments: anyArguments }),
)

test('any tool arguments get a result, and nothing is written outside the images folder', async (t: TestContext) => {
  const root = await temporaryFolder(t)
  const images = join(root, 'images')
  await mkdir(join(root, 'neighbour'))
  await writeFile(join(root, 'neighbour', 'x.png'), 'as it was')
  const azure = await fakeAzure(t, responding(200, imageResult))
  const app = await createApp({
    environment: { ...minimalEnvironment, AZURE_BASE_URL: azure.url, LOG_LEVEL: 'silent', IMAGES_DIR: images },
    logDestination: new LogLines(),
  })
  t.after(() => app.close())
  await app.ready()

  await checkProperty(
    t,
    fc.asyncProperty(call, async (params) => {
      const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
      const response = await app.inject({ method: 'POST', url: '/', payload })
      const message = response.json()
      const isResult = response.statusCode === 200 && Array.isArray(message.result?.content)
      // Random keys may include `__proto__`.
      const isRejected = response.statusCode === 400 && message.error?.code === -32600
      return (isResult || isRejected) && (await readdir(root)).join() === 'images,neighbour'
    }),
    { numRuns: 2000 },
  )
  t.assert.deepEqual(await readdir(join(root, 'neighbour')), ['x.png'])
  t.assert.equal(await readFile(join(root, 'neighbour', 'x.png'), 'utf8'), 'as it was')
  t.assert.ok((await readdir(images, { recursive: true })).length > 10, 'hardly anything was saved')
})
