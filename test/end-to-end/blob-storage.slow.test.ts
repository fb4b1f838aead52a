import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { AZURITE_KEY, type Azurite, startAzurite } from '../support/azurite.ts'
import { callTool, post, startService } from '../support/service.ts'
import { type StorageFault, startStorageProxy } from '../support/storage-proxy.ts'
import { openBlobPlace } from '../support/stores.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** The real app with its images in a real Azurite. */

const prompt = 'a lighthouse'

let azurite: Azurite
before(async () => {
  azurite = await startAzurite()
})
after(() => azurite[Symbol.asyncDispose]())

async function build(t: TestContext, environment: Record<string, string | undefined> = {}, firstFault?: StorageFault) {
  const proxy = await startStorageProxy(t, azurite.url)
  const { container, get, names } = await openBlobPlace(azurite)
  const url = proxy.urlOf(container.url)
  proxy.fault = () => firstFault
  const storage = { AZURE_STORAGE_URL: url, AZURE_STORAGE_KEY: AZURITE_KEY, LIBRARY_WAIT_MS: '20000' }
  const service = await startService(t, { ...storage, ...environment })
  const generate = async (more: object = {}) => {
    const { content, isError } = await callTool(service.url, 'generate_image', { prompt, ...more })
    const [text = '', ...notes] = content.flatMap((each) => each.text ?? [])
    const image = content.find(({ type }) => type === 'image')?.data
    return { text, notes: notes.join('\n'), image, isError }
  }
  return { ...service, proxy, storageUrl: url, get, names, generate }
}

const readyOf = async (url: string): Promise<Record<string, unknown>> =>
  Object(await (await fetch(`${url}/ready`)).json())

test('a named image is a blob of that name, told by its address, and edited by its id', async (t: TestContext) => {
  const { url, storageUrl, get, names, generate, images } = await build(t)
  const { text, notes, image = '' } = await generate({ output_path: '旅行/sunset 1.png' })
  t.assert.strictEqual(
    text,
    `Image successfully generated. Saved to server at: ${storageUrl}/%E6%97%85%E8%A1%8C/sunset%201.png`,
  )
  t.assert.strictEqual((await get('旅行/sunset 1.png'))?.toString('base64'), image)
  const [id = ''] = /img_[0-9a-z]{26}/.exec(notes) ?? []
  t.assert.deepStrictEqual(await names(), ['.library/.probe', `旅行/.${id}.json`, '旅行/sunset 1.png'])
  const edited = await callTool(url, 'edit_image', { prompt, image: id })
  t.assert.deepStrictEqual(
    edited.content.map(({ type }) => type),
    ['text', 'image', 'text'],
  )
  t.assert.strictEqual((await generate({ output_path: '旅行/sunset 1.png' })).text, text.replace('.png', '-2.png'))
  t.assert.ok(!(await readdir(images)).some((name) => name.endsWith('.png')))
})

test('an image without a name has a blob and a record in the hidden folder', async (t: TestContext) => {
  const { names, get, generate, url } = await build(t)
  const { notes, image = '' } = await generate()
  const [id = ''] = /img_[0-9a-z]{26}/.exec(notes) ?? []
  const [record = '', bytes = '', ...others] = (await names()).filter((name) => name.includes(id))
  t.assert.match(record, /^\.library\/\d{4}\/\d\d\/\d\d\/img_\w+\.json$/)
  t.assert.deepStrictEqual(others, [])
  t.assert.strictEqual((await get(bytes))?.toString('base64'), image)
  t.assert.partialDeepStrictEqual(JSON.parse((await get(record))?.toString() ?? ''), { id, location: bytes, prompt })
  const { response } = await post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: `image://${id}` } }),
  )
  t.assert.strictEqual(Object(response.result).contents[0].blob, image)
})

test('whatever the store does, the image is returned, and the result says what was not stored', async (t: TestContext) => {
  const denied = /storage container is missing or denies access/
  const unavailable = /storage is not available at the moment/
  const faults: [StorageFault, named: RegExp, unnamed: RegExp][] = [
    [
      { status: 403, code: 'AuthorizationPermissionMismatch' },
      denied,
      /Not in the library: the store is missing or denies access\./,
    ],
    [{ status: 404, code: 'ContainerNotFound' }, denied, /Not in the library: the store is missing or denies access\./],
    [{ status: 503, code: 'ServerBusy' }, unavailable, /Not in the library: the store is not available/],
    [{ cutRequestAfter: 100 }, unavailable, /Not in the library: the store is not available/],
    [{ delayMs: 20_000 }, /the store is slow/, /Not in the library: the store is slow\./],
  ]
  const { proxy, logs, names, generate, storageUrl } = await build(t, { LIBRARY_WAIT_MS: '4000' })
  for (const [fault, named, unnamed] of faults) {
    proxy.fault = () => fault
    const start = performance.now()
    const one = await generate({ output_path: 'x.png' })
    t.assert.ok(performance.now() - start < 18_000, `${performance.now() - start} ms`)
    t.assert.deepStrictEqual([one.isError ?? false, one.text], [false, 'Image successfully generated.'])
    t.assert.match(one.notes, named)
    const other = await generate()
    t.assert.match(other.notes, unnamed)
    for (const { image, notes } of [one, other]) {
      t.assert.ok((image ?? '').length > 100)
      t.assert.doesNotMatch(notes, /img_|AZURE-TEXT|http/)
    }
  }
  proxy.fault = () => undefined
  t.assert.match((await generate({ output_path: 'y.png' })).text, /y\.png$/)
  // A slow storage may complete what was given up, which is then removed.
  await waitFor('only the stored image to be left', async () => {
    const left = (await names()).filter((name) => name.endsWith('.png'))
    return left.join() === 'y.png'
  })
  // The reason for the operator, without anything secret.
  t.assert.match(
    logs.text,
    /403 AuthorizationPermissionMismatch; give the identity the role Storage Blob Data Contributor/,
  )
  t.assert.ok(![AZURITE_KEY, 'SharedKey', 'AZURE-TEXT'].some((secret) => logs.text.includes(secret)))
  t.assert.doesNotMatch(logs.text.replaceAll(storageUrl, ''), /sig=|\?comp=|restype=/)
})

test('/ready tells whether the container can be written to, and the log what to change', async (t: TestContext) => {
  const good = await build(t)
  t.assert.partialDeepStrictEqual(await readyOf(good.url), { images: 'writable', status: 'ready' })
  const bad = await build(t, {}, { status: 404, code: 'ContainerNotFound' })
  t.assert.partialDeepStrictEqual(await readyOf(bad.url), { images: 'unwritable', status: 'ready' })
  t.assert.match(
    bad.logs.text,
    /storage container is not writable, .*create the container that AZURE_STORAGE_URL names/,
  )
})

test('a container that was not available at the start is used as soon as it is', async (t: TestContext) => {
  const { proxy, generate, url } = await build(t, {}, { status: 503, code: 'ServerBusy' })
  t.assert.match((await generate()).notes, /Not in the library: the store is not available/)
  proxy.fault = () => undefined
  const { notes } = await generate({ output_path: 'x.png' })
  t.assert.match(notes, /Image id: img_/)
  t.assert.partialDeepStrictEqual(await readyOf(url), { library: 'on' })
})

test('a key that is rotated in its file is used without a restart', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'key')
  await writeFile(file, Buffer.alloc(64, 'old').toString('base64'))
  const { generate } = await build(t, { AZURE_STORAGE_KEY: undefined, AZURE_STORAGE_KEY_FILE: file })
  t.assert.match((await generate()).notes, /Not in the library: the store is missing or denies access/)
  for (const damaged of ['', 'no key']) {
    await writeFile(file, damaged)
    t.assert.match((await generate()).notes, /Not in the library: the store is missing or denies access/)
  }
  await writeFile(file, `${AZURITE_KEY}\n`)
  t.assert.match((await generate()).notes, /Image id: img_/)
})
