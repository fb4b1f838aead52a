import { readdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { containerFlags } from '../support/container-flags.ts'
import { afterBody, fakeAzure } from '../support/fake-azure.ts'
import { noisePng } from '../support/images/images.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key } from '../support/simulator.ts'
import { startStorageProxy } from '../support/storage-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const MIB = 1_048_576
const WAIT_MS = 300
const CALLS = 200
const LANES = 8
/** Far above what a result waits. */
const WRITE_MS = 60_000

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? Number.NaN,
  )
}

test('a store that takes a minute for a write delays no result by more than LIBRARY_WAIT_MS, and nothing remains in memory', async (t: TestContext) => {
  await using azurite = await startAzurite()
  const proxy = await startStorageProxy(t, azurite.url)
  const image = noisePng(600)
  const response = JSON.stringify({ created: 1, data: [{ b64_json: image.toString('base64') }] })
  const azure = await fakeAzure(
    t,
    afterBody((to) => to.setHeader('content-type', 'application/json').end(response)),
  )
  const images = await temporaryFolder(t)
  const service = await startProcess(
    t,
    {
      AZURE_BASE_URL: azure.url,
      AZURE_API_KEY: key,
      AZURE_STORAGE_URL: proxy.urlOf(await azurite.createContainer('images')),
      AZURE_STORAGE_KEY: AZURITE_KEY,
      IMAGES_DIR: images,
      LIBRARY_WAIT_MS: String(WAIT_MS),
    },
    containerFlags({ images }),
  )
  const { url } = service
  const generate = async () => {
    const start = performance.now()
    const { text, images: found } = await callTool(url, 'generate_image', { prompt: 'a red fox' })
    t.assert.deepStrictEqual(found, [image])
    return { text, ms: performance.now() - start }
  }
  const generateMany = async () => {
    const results: Awaited<ReturnType<typeof generate>>[] = []
    const lane = async () => {
      for (let call = 0; call < CALLS / LANES; call++) results.push(await generate())
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return results
  }
  const buffers = async () => await metric(url, 'nodejs_external_memory_bytes')
  const slow = () => {
    proxy.fault = ({ method }) => (method === 'PUT' ? { delayMs: WRITE_MS } : undefined)
  }

  await untilStored()
  slow()
  await generateMany()
  const idle = await waitForRest()

  const results = await generateMany()
  const [slowest = Number.NaN, ...others] = results.map(({ ms }) => ms).sort((one, other) => other - one)
  const median = others[CALLS / 2] ?? Number.NaN
  for (const { text } of results) {
    t.assert.match(text, /^Image successfully generated\.\nNot in the library: the store is slow\./)
  }
  // A result that waited for one write would take longer. Several calls at once need time besides LIBRARY_WAIT_MS.
  t.assert.ok(slowest < WRITE_MS && median < WRITE_MS / 2, `${slowest} ms, median ${median} ms`)

  const end = await waitForRest((bytes) => bytes < idle + 8 * MIB)
  t.diagnostic(
    `${CALLS} calls: median ${median.toFixed()} ms, slowest ${slowest.toFixed()} ms; buffers ${(idle / MIB).toFixed(1)} → ${(end / MIB).toFixed(1)} MiB`,
  )
  const files = await readdir(images, { recursive: true, withFileTypes: true })
  t.assert.deepStrictEqual(
    files.filter((file) => file.isFile() && !/^(index|state)\.db/.test(file.name)).map(({ name }) => name),
    [],
  )

  // What was given up appears nowhere once the store works again.
  proxy.fault = () => undefined
  await untilStored()

  /** A busy machine takes longer than LIBRARY_WAIT_MS now and then. */
  async function untilStored(): Promise<void> {
    await waitFor('a result in the library', async () => /Image id: img_/.test((await generate()).text))
  }

  /** What results were made of has been released; the next list of garbage frees the rest. */
  async function waitForRest(isRest: (bytes: number) => boolean = () => true): Promise<number> {
    return await waitFor('the memory of the results to be free', async () => {
      const used = await buffers()
      return (await metric(url, 'image_mcp_buffered_bytes')) === 0 && isRest(used) ? used : undefined
    })
  }
})
