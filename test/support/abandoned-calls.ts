import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Base64Image, encodeImage } from '../../services/bytes/base64-image.ts'
import { type AbandonedEvent, createAbandonedResults } from '../../services/calls/abandoned-results.ts'
import { createChain } from '../../services/calls/chain.ts'
import type { RunningCalls } from '../../services/calls/running-calls.ts'
import type { ToolResult } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { paidCall, silent } from './calls.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export const MINUTE = 60_000

/** What a repeated result says. */
export const note = /made for your earlier, identical call/

export function resultOf(text: string, bytes = Buffer.from(text)): ToolResult {
  const image = encodeImage(bytes, { mimeType: 'image/png', width: 2, height: 1 })
  return {
    content: [
      { type: 'text', text: 'Image successfully generated.' },
      { type: 'image', data: image, mimeType: image.mimeType },
    ],
  }
}

/** Abandoned results with clocks of their own, and calls whose clients are controlled. */
export async function startAbandonedResults(
  t: TestContext,
  options: {
    folder?: string
    maxEntries?: number
    maxBytes?: number
    storeUnprovenAfterMs?: number
    /** False by default, so that calls begin at once. */
    isFolderShared?: boolean
    runningCalls?: RunningCalls
  } = {},
) {
  const folder = options.folder ?? join(await temporaryFolder(t), '.abandoned')
  const world = { wall: Date.UTC(2030, 0, 1), monotonic: 0, paid: 0 }
  const events: AbandonedEvent[] = []
  const proofs: string[] = []
  const abandonedResults = createAbandonedResults({
    folder,
    ttlMs: 10 * MINUTE,
    maxEntries: options.maxEntries ?? 10,
    maxBytes: options.maxBytes ?? 1_000_000,
    log: silent,
    isFolderShared: options.isFolderShared ?? false,
    runningCalls: options.runningCalls,
    onEvent: (event) => events.push(event),
    now: () => world.wall,
    monotonic: () => world.monotonic,
    onDelivered: (proof) => proofs.push(proof),
    storeUnprovenAfterMs: options.storeUnprovenAfterMs ?? 60_000,
  })
  t.after(() => abandonedResults.close())

  /** A call and its client, which can disconnect, read the images, and prove that it did. */
  function call(
    args: object = { prompt: 'a' },
    { caller = 'key:alice', id = 1, openedAt = 0, isRetry = undefined as boolean | undefined } = {},
  ) {
    const work = Promise.withResolvers<ToolResult>()
    const make = () => {
      world.paid++
      return work.promise
    }
    const paid = paidCall({ ...args }, { caller, requestId: id, openedAt, isRetry, make })
    const response = createChain([abandonedResults.around])(paid.call)
    response.catch(() => {})
    return {
      disconnect: paid.disconnect,
      finish: (text = 'image') => work.resolve(resultOf(text)),
      fail: () => work.reject(serviceError('IMG_ERR_CANCELLED', [])),
      response,
      advance: paid.delivery.report,
      /** Reads the response and proves it. */
      async take() {
        const taken = await this.read()
        paid.delivery.report({ state: 'sent' })
        paid.delivery.report({ state: 'delivered', proof: 'next_request' })
        return taken
      },
      async read() {
        const { content } = await response
        const texts = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
        const images: string[] = []
        for (const block of content) {
          if (block.type !== 'image' || !(block.data instanceof Base64Image)) continue
          const chunks: Buffer[] = []
          for await (const chunk of block.data.chunks()) chunks.push(chunk)
          images.push(Buffer.from(Buffer.concat(chunks).toString('latin1'), 'base64').toString())
        }
        await paid.scope.disposeAsync()
        return { text: texts.join('\n'), images }
      },
    }
  }

  async function seen(event: AbandonedEvent, times = 1) {
    await waitFor(`event ${event}`, () => events.filter((one) => one === event).length >= times)
  }

  /** A call that is paid for, abandoned, and stored. */
  async function abandoned(args?: object, text?: string, caller?: string) {
    const times = events.filter((one) => one === 'stored').length
    const left = call(args, caller === undefined ? {} : { caller })
    left.disconnect()
    left.finish(text)
    await seen('stored', times + 1)
    await left.response
  }

  return {
    folder,
    world,
    events,
    abandonedResults,
    call,
    seen,
    abandoned,
    proofs,
    files: () => readdir(folder).catch(() => []),
  }
}
