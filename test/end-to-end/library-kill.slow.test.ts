import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unnamedRecordName } from '../../services/library/locations.ts'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { afterBody, fakeAzure } from '../support/fake-azure.ts'
import { plainPng } from '../support/images/images.ts'
import { startProcess } from '../support/process.ts'
import { callTool, post } from '../support/service.ts'
import { openBlobPlace } from '../support/stores.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const CALLS = 200
const ROUNDS = 2
const base = plainPng(40, 99)

/** Where the images are, and how another program reads them. */
interface Place {
  variables: Record<string, string>
  get(name: string): Promise<Buffer | undefined>
}

const places: Readonly<Record<string, (t: TestContext) => Promise<Place>>> = {
  async 'a local folder'(t) {
    const folder = join(await temporaryFolder(t), 'images')
    await mkdir(folder)
    return {
      variables: { IMAGES_DIR: folder },
      get: (name) => readFile(join(folder, name)).catch(() => undefined),
    }
  },
  async 'Azure Blob Storage'(t) {
    const azurite = await startAzurite()
    t.after(() => azurite[Symbol.asyncDispose]())
    const { container, get } = await openBlobPlace(azurite)
    const variables = {
      IMAGES_DIR: await temporaryFolder(t),
      AZURE_STORAGE_URL: container.url,
      AZURE_STORAGE_KEY: AZURITE_KEY,
    }
    return { variables, get }
  },
}

/** Sends many calls at once and kills the process meanwhile. Returns the images of the ids that were told, in base64. */
async function callAndKill(t: TestContext, variables: Record<string, string>): Promise<Map<string, string>> {
  const service = await startProcess(t, variables)
  const told = new Map<string, string>()
  const calls = Array.from({ length: CALLS }, async (_, at) => {
    const more = at % 2 === 0 ? {} : { output_path: 'album/same.png' }
    const { content } = await callTool(service.url, 'generate_image', { prompt: `number ${at}`, ...more })
    const [id] = /img_[0-9a-z]{26}/.exec(content.map(({ text = '' }) => text).join('\n')) ?? []
    const image = content.find(({ type }) => type === 'image')?.data
    if (id === undefined || image === undefined) return
    told.set(id, image)
    if (told.size === CALLS / 4) service.child.kill('SIGKILL')
  })
  await Promise.allSettled(calls)
  await service.ended
  return told
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const [name, open] of Object.entries(places)) {
  test(`an image whose id was told survives a kill with bytes, record and index, in ${name}`, async (t: TestContext) => {
    const place = await open(t)
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        const image = Buffer.concat([base, randomBytes(100_000)]).toString('base64')
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ created: 1, data: [{ b64_json: image }] }))
      }),
    )
    const variables = {
      ...{ AZURE_BASE_URL: azure.url, AZURE_DEPLOYMENT_NAME: 'gpt-image-2', AZURE_REQUESTS_PER_MINUTE: '100000' },
      ...{ AZURE_MAX_WAITING_CALLS: '1000', LIBRARY_WAIT_MS: '60000', ...place.variables },
    }
    const told = new Map<string, string>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const [id, image] of await callAndKill(t, variables)) told.set(id, image)
    }
    t.assert.ok(told.size >= (ROUNDS * CALLS) / 4, `${told.size}`)
    const again = await startProcess(t, variables)
    const locations = new Set<string>()
    for (const [id, image] of told) {
      const message = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: `image://${id}` } }
      const { response } = await post(again.url, JSON.stringify(message))
      t.assert.strictEqual(Object(response.result).contents?.[0]?.blob, image, id)
      const record = await recordOf(place, id)
      const bytes = (await place.get(record.location)) ?? Buffer.alloc(0)
      t.assert.strictEqual(bytes.toString('base64'), image)
      t.assert.strictEqual(record.sha256, sha256(bytes))
      locations.add(record.location)
    }
    t.assert.strictEqual(locations.size, told.size)
  })
}

/** Read from the store as another program would. */
async function recordOf({ get }: Place, id: string): Promise<{ location: string; sha256: string }> {
  const record = (await get(unnamedRecordName(id))) ?? (await get(`album/.${id}.json`))
  return JSON.parse(record?.toString() ?? '{}')
}
