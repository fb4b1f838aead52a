import { mkdir, readdir, readlink, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { imageUri } from '../../../services/library/image-uri.ts'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import { createDispatcher } from '../../../services/mcp/dispatcher.ts'
import { createSavedImages } from '../../../services/resources/saved-images.ts'
import { temporaryFolder } from '../../support/app.ts'
import { contextOf, runBare } from '../../support/calls.ts'
import { png } from '../../support/images/images.ts'
import { messageErrors } from '../../support/mcp-schema.ts'
import { verifies } from '../../support/verifies.ts'

async function build(t: TestContext, names: readonly string[]) {
  const root = await temporaryFolder(t)
  const folder = join(root, 'images')
  await mkdir(folder)
  const bytes = await png()
  for (const [age, name] of names.entries()) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), bytes)
    await utimes(join(folder, name), 1_700_000_000 - age, 1_700_000_000 - age)
  }
  const dispatcher = createDispatcher({
    catalog: { tools: [], resources: createSavedImages(createLocalImageStore({ folder })) },
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1.0.0' },
    instructions: '',
    progressRepeatMs: 1000,
    runCall: runBare(),
    onFinished() {},
  })
  async function ask(method: string, params: object = {}, assumedVersion = '2025-11-25') {
    const message = { jsonrpc: '2.0', id: 1, method, params } as const
    const { body } = await dispatcher.handle(message, contextOf({ assumedVersion }))
    t.assert.deepStrictEqual(
      messageErrors(assumedVersion, method, JSON.parse(JSON.stringify(body))).filter(isNotBlob),
      [],
    )
    return Object(body)
  }
  return { ask, folder, root, bytes }
}

/** Only `writeJson` writes an image's base64. */
const isNotBlob = (fault: string) => !fault.includes('/contents/0')

test('closes the file of a resource once its response is done', async (t: TestContext) => {
  const root = await temporaryFolder(t)
  await writeFile(join(root, 'a.png'), await png())
  const source = createSavedImages(createLocalImageStore({ folder: root }))
  const openFiles = async () => (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`))
  const isOpen = async () =>
    (await Promise.allSettled(await openFiles())).some(
      (file) => file.status === 'fulfilled' && file.value.endsWith('/a.png'),
    )
  const scope = new AsyncDisposableStack()
  await source.read(imageUri('a.png'), scope)
  t.assert.ok(await isOpen())
  await scope.disposeAsync()
  t.assert.ok(!(await isOpen()))
})

test('lists images newest first, with size, type and time', async (t: TestContext) => {
  const { ask, bytes } = await build(t, ['new.png', 'deep/er/ümlaut 1.png', '.hidden.png', 'notes.txt'])
  const { result } = await ask('resources/list')
  t.assert.deepStrictEqual(result, {
    resources: [
      {
        uri: 'image:///new.png',
        name: 'new.png',
        mimeType: 'image/png',
        size: bytes.length,
        annotations: { lastModified: '2023-11-14T22:13:20.000Z' },
      },
      {
        uri: 'image:///deep/er/%C3%BCmlaut%201.png',
        name: 'deep/er/ümlaut 1.png',
        mimeType: 'image/png',
        size: bytes.length,
        annotations: { lastModified: '2023-11-14T22:13:19.000Z' },
      },
    ],
  })
})

verifies(
  'resources-page',
  'gives every image once over all pages, and rejects a cursor it never gave',
  async (t: TestContext) => {
    const names = Array.from({ length: 120 }, (_, at) => `image-${at}.png`)
    const { ask } = await build(t, names)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const { result } = await ask('resources/list', cursor === undefined ? {} : { cursor })
      seen.push(...result.resources.map(({ name }: { name: string }) => name))
      cursor = result.nextCursor
    } while (cursor !== undefined)
    t.assert.deepStrictEqual(seen, names)
    t.assert.partialDeepStrictEqual(await ask('resources/list', { cursor: 'made-up' }), { error: { code: -32602 } })
  },
)

test('reads an image as it was saved', async (t: TestContext) => {
  const { ask, bytes } = await build(t, ['a/ü.png'])
  const uri = imageUri('a/ü.png')
  const [content] = (await ask('resources/read', { uri })).result.contents
  t.assert.strictEqual(content.uri, uri)
  t.assert.strictEqual(content.mimeType, 'image/png')
  t.assert.strictEqual(await text(content.blob.chunks()), bytes.toString('base64'))
  await content.blob[Symbol.asyncDispose]()
})

verifies(
  'resource-not-found',
  'whatever is not an image inside the folder does not exist, by the code of the revision',
  async (t: TestContext) => {
    const { ask, folder, root, bytes } = await build(t, ['.hidden.png', 'notes.txt'])
    await writeFile(join(root, 'outside.png'), bytes)
    await symlink(join(root, 'outside.png'), join(folder, 'link.png'))
    for (const uri of [
      'image:///nothing.png',
      'image:///.hidden.png',
      'image:///link.png',
      'image:///../outside.png',
      'image:///%2e%2e/outside.png',
      'image:///..%2foutside.png',
      `image:///${encodeURIComponent(join(root, 'outside.png'))}`,
      'image:///a%00.png',
      'image:///%zz.png',
      'image:///',
      'file:///etc/hostname',
      'nonsense',
    ]) {
      const response = await ask('resources/read', { uri })
      t.assert.deepStrictEqual(response.error, { code: -32002, message: 'Resource not found', data: { uri } }, uri)
    }
    const modern = await ask('resources/read', { uri: 'image:///nothing.png' }, '2025-03-26')
    t.assert.strictEqual(modern.error.code, -32002)
  },
)

test('publishes how the URIs of images are built', async (t: TestContext) => {
  const { ask } = await build(t, [])
  const { result } = await ask('resources/templates/list')
  t.assert.partialDeepStrictEqual(result, { resourceTemplates: [{ uriTemplate: 'image:///{+path}' }] })
})
