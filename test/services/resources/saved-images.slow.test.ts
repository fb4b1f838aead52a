import { mkdir, readdir, readlink, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { imageUri } from '../../../services/library/image-uri.ts'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import { createDispatcher } from '../../../services/mcp/dispatcher.ts'
import { createCompletion } from '../../../services/prompts/completion.ts'
import { createSavedImages } from '../../../services/resources/saved-images.ts'
import { contextOf, requestStates, runBare } from '../../support/calls.ts'
import { png } from '../../support/images/images.ts'
import { messageErrors } from '../../support/mcp-schema.ts'
import { checkProperty } from '../../support/property.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { verifies } from '../../support/verifies.ts'

function dispatcherOf(t: TestContext, folder: string) {
  const images = createSavedImages({ store: createLocalImageStore({ folder }) })
  const dispatcher = createDispatcher({
    catalog: {
      tools: [],
      resources: images,
      complete: createCompletion({ prompts: [], models: [], images: images.completion }),
    },
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1.0.0' },
    instructions: () => '',
    progressRepeatMs: 1000,
    requestStates,
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
  return { ask }
}

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
  const { ask } = dispatcherOf(t, folder)
  return { ask, folder, root, bytes }
}

/** Names of all listed images, page by page. */
async function listedNames(ask: ReturnType<typeof dispatcherOf>['ask']): Promise<string[]> {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const { result } = await ask('resources/list', cursor === undefined ? {} : { cursor })
    names.push(...result.resources.map(({ name }: { name: string }) => name))
    cursor = result.nextCursor
  } while (cursor !== undefined)
  return names
}

/** Only `writeJson` writes an image's base64. */
const isNotBlob = (fault: string) => !fault.includes('/contents/0')

test('closes the file of a resource once its response is done', async (t: TestContext) => {
  const root = await temporaryFolder(t)
  await writeFile(join(root, 'a.png'), await png())
  const source = createSavedImages({ store: createLocalImageStore({ folder: root }) })
  const openFiles = async () => (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`))
  const isOpen = async () =>
    (await Promise.allSettled(await openFiles())).some(
      (file) => file.status === 'fulfilled' && file.value.endsWith('/a.png'),
    )
  const scope = new AsyncDisposableStack()
  await source.read(imageUri('a.png'), contextOf({ scope }))
  t.assert.ok(await isOpen())
  await scope.disposeAsync()
  t.assert.ok(!(await isOpen()))
})

test('lists images newest first, with size, type and time', async (t: TestContext) => {
  const { ask, bytes } = await build(t, ['new.png', 'deep/er/ümlaut 1.png', '.hidden.png', 'notes.txt'])
  const { resources, ...rest } = (await ask('resources/list')).result
  const withoutIcons = resources.map(({ icons: _, ...resource }: { icons: object }) => resource)
  t.assert.deepStrictEqual(
    { resources: withoutIcons, ...rest },
    {
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
    },
  )
})

verifies(
  'resources-page',
  'gives every image once over all pages, and rejects a cursor it never gave',
  async (t: TestContext) => {
    const names = Array.from({ length: 120 }, (_, at) => `image-${at}.png`)
    const { ask } = await build(t, names)
    t.assert.deepStrictEqual(await listedNames(ask), names)
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

test('every spelling of the URI of an image means that image', async (t: TestContext) => {
  const { ask } = await build(t, ['a b/ü.png', '100%.png', 'x%20y.png'])
  for (const [uri, name] of [
    ['image:///a%20b/%C3%BC.png', 'a b/ü.png'],
    ['image:/a%20b/%C3%BC.png', 'a b/ü.png'],
    ['image:///a b/ü.png', 'a b/ü.png'],
    ['image:///a%20b%2F%c3%bc.png', 'a b/ü.png'],
    ['IMAGE:///a%20b/ü.png', 'a b/ü.png'],
    ['image:///100%.png', '100%.png'],
    ['image:///100%25.png', '100%.png'],
    ['image:///x%20y.png', 'x%20y.png'],
  ] as const) {
    const { result, error } = await ask('resources/read', { uri })
    t.assert.strictEqual(error, undefined, uri)
    t.assert.strictEqual(result.contents[0].uri, uri)
    const listed = await ask('resources/read', { uri: imageUri(name) })
    t.assert.strictEqual(result.contents[0].blob.bytes, listed.result.contents[0].blob.bytes)
    for (const { blob } of [result.contents[0], listed.result.contents[0]]) await blob[Symbol.asyncDispose]()
  }
})

test('what is listed can be read, and names that could mislead a model are not listed', async (t: TestContext) => {
  const good = ['a.png', 'emoji 👩‍👩‍👧 ❤️.png', '~/b.png', '名字.png', '100%.png', "it's #1?.png"]
  const bad = [
    ...['con.png', 'a:b.png', 'tab\t.png', 'line\nbreak.png', 'rtl\u202egnp.png', 'end. /x.png', 'back\\slash.png'],
    ...['zero\u200bwidth.png', 'tags\u{e0041}.png', 'aux/x.png', 'filler\u3164.png', 'soft\u00adhyphen.png'],
  ]
  const { ask, folder, bytes } = await build(t, [...good, ...bad])
  await writeFile(join(folder, 'text.png'), 'not an image')
  await writeFile(join(folder, 'page.jpg'), '<html>'.padEnd(5_000_000))
  await writeFile(join(folder, 'really a png.jpg'), bytes)
  await writeFile(join(folder, 'invalid.png'), bytes)
  await rename(
    join(folder, 'invalid.png'),
    Buffer.concat([Buffer.from(`${folder}/inv`), Buffer.from([0xff, 0x2e, 0x70])]),
  )
  await truncate(join(folder, 'a.png'), 67_108_864)
  await writeFile(join(folder, 'large.png'), bytes)
  await truncate(join(folder, 'large.png'), 67_108_865)
  const { result } = await ask('resources/list')
  const listed: { name: string; uri: string; mimeType: string }[] = result.resources
  t.assert.deepStrictEqual(listed.map(({ name }) => name).sort(), [...good, 'really a png.jpg'].sort())
  for (const { uri, mimeType } of listed) {
    const [content] = (await ask('resources/read', { uri })).result.contents
    t.assert.strictEqual(content.mimeType, mimeType)
    await content.blob[Symbol.asyncDispose]()
  }
})

test('whatever the names in the folder are, what is listed can be read by its URI and completes the template', async (t: TestContext) => {
  const character = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(...'/.%:\\~ #?&+{}\u200b\u202e\u{e0041}\u00ad\ud800', 'con', 'e\u0301', '%2F', '%2e', '..'),
  )
  const name = fc.array(character, { minLength: 1, maxLength: 12 }).map((parts) => `${parts.join('')}.png`)
  const property = fc.asyncProperty(fc.array(name, { minLength: 20, maxLength: 20 }), async (names) => {
    const { ask, folder, bytes } = await build(t, [])
    for (const each of names) {
      // A name that cannot exist, or leads out of the folder, is left out.
      const path = join(folder, each)
      if (each.includes('\0') || !path.startsWith(`${folder}/`)) continue
      await mkdir(dirname(path), { recursive: true }).catch(() => {})
      await writeFile(path, bytes).catch(() => {})
    }
    const { result } = await ask('resources/list')
    const completion = { ref: { type: 'ref/resource', uri: 'image:///{+path}' }, argument: { name: 'path', value: '' } }
    const { values } = (await ask('completion/complete', completion)).result.completion
    t.assert.deepStrictEqual(
      values,
      result.resources.map((each: { name: string }) => each.name),
    )
    for (const { uri, name: listed } of result.resources) {
      t.assert.doesNotMatch(listed, /[\p{Cc}\p{Zl}\p{Zp}\u200b\u202a-\u202e\u{e0000}-\u{e007f}]/u)
      const [content] = (await ask('resources/read', { uri })).result.contents
      t.assert.strictEqual(content.blob.bytes, bytes.length)
      await content.blob[Symbol.asyncDispose]()
    }
  })
  await checkProperty(t, property, { numRuns: 30 })
})

test('files of any time are listed, page by page', async (t: TestContext) => {
  const { ask, folder, bytes } = await build(t, [])
  for (let at = 0; at < 60; at++) {
    const path = join(folder, `${at}.png`)
    await writeFile(path, bytes)
    await utimes(path, 0, at % 2 === 0 ? new Date('1938-01-01') : 9_000_000_000_000)
  }
  const first = (await ask('resources/list')).result
  const second = (await ask('resources/list', { cursor: first.nextCursor })).result
  t.assert.strictEqual(first.resources.length + second.resources.length, 60)
  for (const { annotations } of [...first.resources, ...second.resources]) {
    t.assert.match(annotations.lastModified, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  }
})

test('a folder full of files that are no images hides none that is', async (t: TestContext) => {
  const { ask, folder } = await build(t, ['oldest.png'])
  for (let at = 0; at < 700; at++) await writeFile(join(folder, `${at}.png`), 'text')
  t.assert.deepStrictEqual(await listedNames(ask), ['oldest.png'])
})

test('an images folder that cannot be read is reported in a sentence, not as an internal error', async (t: TestContext) => {
  const folder = join(await temporaryFolder(t), 'images')
  const { ask } = dispatcherOf(t, folder)
  t.assert.deepStrictEqual((await ask('resources/list')).result.resources, [])
  await writeFile(folder, 'a file in the place of the folder')
  const complete = {
    ref: { type: 'ref/resource', uri: 'image:///{+path}' },
    argument: { name: 'path', value: '' },
  }
  for (const [method, params] of [
    ['resources/list', {}],
    ['resources/read', { uri: 'image:///a.png' }],
    ['completion/complete', complete],
  ] as const) {
    const { error } = await ask(method, params)
    t.assert.strictEqual(error.code, -32000, method)
    t.assert.match(error.message, /^Saved images cannot be listed or read: the server's images folder is not readable/)
  }
})

test('publishes how the URIs of images are built', async (t: TestContext) => {
  const { ask } = await build(t, [])
  const { result } = await ask('resources/templates/list')
  t.assert.partialDeepStrictEqual(result, { resourceTemplates: [{ uriTemplate: 'image:///{+path}' }] })
})
