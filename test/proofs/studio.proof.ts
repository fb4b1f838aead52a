import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, CDPSession } from 'playwright-core'
import sharp from 'sharp'
import { startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { createSimulator } from '../../simulator/app.ts'
import { callTool } from '../support/service.ts'
import { launchChromium } from '../support/system/chromium.ts'
import { personAt } from '../support/system/studio-person.ts'

/**
 * An image of 12 megapixels in the mask editor of a real browser: how long it takes to open, what a stroke costs, and whether
 * the page grows over many edits. Every edit paints, is sent, and shows its image, of which the original is kept outside of
 * the mask.
 */

const EDITS = 50
const SIZE = { width: 4000, height: 3000 }
/** Milliseconds, for the image as it is shown; a machine of CI has two cores, which the service and Azure's simulator use too. */
const MAX_OPEN_MS = 1000
/** Milliseconds of script for each movement of the pointer: half a frame. */
const MAX_MOVE_MS = 8
const MAX_HEAP_GROWTH = 8 * 1024 ** 2
const MAX_RESIDENT_GROWTH = 150 * 1024 ** 2
const MODEL = 'gpt-image-2'
/** Shares of the stage. */
const STROKE = [
  [0.4, 0.4],
  [0.6, 0.5],
  [0.4, 0.6],
] as const
const MOVES = 20

export const prove: Proof = async ({ share, say }) => {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  const simulator = createSimulator({ apiKeys: ['key'], deployments: { [MODEL]: MODEL } })
  const azure = await simulator.listen({ host: '127.0.0.1', port: 0 })
  const service = await startServer({
    args: ['server.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: 'key',
      AZURE_DEPLOYMENT_NAME: MODEL,
      MCP_SERVER_PORT: String(port),
      RATE_LIMIT_PER_MINUTE: '100000',
      IMAGES_DIR: folder,
      LOG_LEVEL: 'fatal',
    }),
  })
  const browser = await launchChromium()
  try {
    await upload(service.origin)
    const edits = Math.max(2, Math.round(EDITS * share))
    const isSmall = await measure(browser, service.origin, { edits, say })
    const paid = simulator.requests.filter(({ method }) => method === 'POST').length
    say(`Azure got ${paid} edits`)
    return isSmall && paid === edits
  } finally {
    await browser.close()
    await service.stop()
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A photo: noise, which is slow to decode. */
async function upload(origin: string): Promise<void> {
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  const photo = await sharp({ create: { ...SIZE, channels: 3, background: 'white', noise } })
    .jpeg()
    .toBuffer()
  const { text } = await callTool(origin, 'request_upload', {})
  const address = /https?:\/\/\S+\/uploads\/\S+/.exec(text)?.[0] ?? ''
  const response = await fetch(address, { method: 'PUT', body: new Uint8Array(photo) })
  if (!response.ok) throw new Error(await response.text())
}

interface Measuring {
  edits: number
  say(line: string): void
}

async function measure(browser: Browser, origin: string, { edits, say }: Measuring): Promise<boolean> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  page.setDefaultTimeout(60_000)
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  const person = personAt({ page, view: page })
  await page.goto(`${origin}/studio`)
  await person.openImage(person.texts.gallery.noPrompt)
  await person.settled()
  const startedAt = performance.now()
  await person.openEditor()
  const openMs = performance.now() - startedAt
  await person.settled()

  const scriptBefore = await metric(client, 'ScriptDuration')
  await person.paintByMouse(STROKE)
  const moveMs = (((await metric(client, 'ScriptDuration')) - scriptBefore) * 1000) / MOVES
  const sizes: Awaited<ReturnType<typeof sizeOf>>[] = []
  for (let at = 0; at < edits; at++) {
    if (at > 0) await person.paintByMouse(STROKE.map(([x, y]) => [x, y - at / 500] as const))
    await person.edit(`add a red balloon ${at}`)
    await person.settled()
    sizes.push(await sizeOf(browser, client))
  }
  // The first edits fill caches.
  const first = sizes[Math.min(2, sizes.length - 2)] ?? { heap: 0, resident: 0 }
  const last = sizes.at(-1) ?? first
  const [heap, resident] = [last.heap - first.heap, last.resident - first.resident]
  say(
    `${SIZE.width}x${SIZE.height}: opened in ${openMs.toFixed(0)} ms, ${moveMs.toFixed(2)} ms of script for each movement`,
  )
  say(
    `${edits} edits: heap ${mebibytes(first.heap)} → ${mebibytes(last.heap)}, resident ${mebibytes(first.resident)} → ${mebibytes(last.resident)}`,
  )
  return openMs <= MAX_OPEN_MS && moveMs <= MAX_MOVE_MS && heap <= MAX_HEAP_GROWTH && resident <= MAX_RESIDENT_GROWTH
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`

async function metric(client: CDPSession, name: string): Promise<number> {
  const { metrics } = await client.send('Performance.getMetrics')
  return metrics.find((each) => each.name === name)?.value ?? Number.NaN
}

/** Bytes of the page: its heap, and its process with all pixels. */
async function sizeOf(browser: Browser, client: CDPSession): Promise<{ heap: number; resident: number }> {
  await client.send('HeapProfiler.collectGarbage')
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const renderers = processInfo.filter(({ type }) => type === 'renderer')
  const pages = await Promise.all(
    renderers.map(async ({ id }) => Number((await readFile(`/proc/${id}/statm`, 'utf8')).split(' ')[1])),
  )
  return { heap: await metric(client, 'JSHeapUsedSize'), resident: pages.reduce((sum, each) => sum + each, 0) * 4096 }
}
