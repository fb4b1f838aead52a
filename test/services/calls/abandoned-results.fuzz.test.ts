import { readdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Base64Image, bufferImage } from '../../../services/bytes/base64-image.ts'
import { type BufferSpool, createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { type AbandonedResults, createAbandonedResults } from '../../../services/calls/abandoned-results.ts'
import { createDelivery, type DeliveryStep } from '../../../services/calls/delivery.ts'
import { serviceError } from '../../../services/errors/errors.ts'
import type { ToolResult } from '../../../services/mcp/catalog.ts'
import { temporaryFolder } from '../../support/app.ts'

/** Random callers of a few prompts, who leave, cancel, read, prove and break off at random moments. */

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const MINUTE = 60_000
const RUNS = 12
const CALLS = 60

/** A small generator of numbers that a failing run can be repeated with. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** How a client may end; the lists are drawn from. `silent` proves nothing and is let go at the end of the run. */
const proving: readonly (readonly DeliveryStep['state'][])[] = [
  ['sent', 'delivered'],
  ['sent', 'abandoned'],
  ['sent', 'settling', 'delivered'],
  ['sent', 'settling', 'abandoned'],
  ['abandoned'],
]
const anything = [...proving, ['sent']] as const

function stepOf(state: DeliveryStep['state']): DeliveryStep {
  return state === 'delivered' ? { state, proof: 'next_request' } : { state }
}

class World {
  readonly random: (below: number) => number
  readonly buffered: BufferSpool
  readonly folder: string
  readonly results: AbandonedResults
  readonly events: Record<string, number> = {}
  readonly delivered = new Map<string, number>()
  readonly extensions: (() => void)[] = []
  monotonic = 0
  made = 0

  constructor(seed: number, folder: string, maxEntries: number) {
    this.random = createRandom(seed)
    this.folder = folder
    this.buffered = createBufferSpool({ maxBytes: 40_000, spillFolders: [folder] })
    this.results = createAbandonedResults({
      folder,
      ttlMs: 10 * MINUTE,
      maxEntries,
      maxBytes: 10_000_000,
      log: silent,
      monotonic: () => this.monotonic,
      storeUnprovenAfterMs: 1,
      onEvent: (event) => {
        this.events[event] = (this.events[event] ?? 0) + 1
      },
    })
  }

  async rest(): Promise<void> {
    for (let turns = this.random(6); turns > 0; turns--) await turn()
  }

  async make(): Promise<ToolResult> {
    await this.rest()
    if (this.random(10) === 0) throw serviceError('IMG_ERR_CANCELLED', [])
    const bytes = Buffer.alloc(3_000 + this.random(9_000), `image ${this.made++} `)
    const image = await bufferImage(bytes, { mimeType: 'image/png', width: 2, height: 1 }, this.buffered)
    return {
      content: [
        { type: 'text', text: 'done' },
        { type: 'image', data: image, mimeType: image.mimeType },
      ],
    }
  }

  /** One client from its call to its end. */
  async call(prompt: string, ends: typeof anything | typeof proving, mayCancel: boolean): Promise<void> {
    const disconnected = new AbortController()
    const { delivery, advance } = createDelivery()
    const id = this.random(4)
    const response = this.results.attend(
      {
        tool: 'generate_image',
        args: { prompt },
        caller: 'key:alice',
        id,
        signal: disconnected.signal,
        response: { openedAt: this.monotonic, track: () => delivery },
        log: silent,
      },
      () => this.make(),
    )
    let isSent = false
    if (this.random(4) === 0) {
      void this.rest().then(() => {
        if (!isSent) disconnected.abort()
      })
    }
    if (mayCancel && this.random(4) === 0) void this.rest().then(() => this.results.suspect('key:alice', id))
    const { content } = await response.catch((): ToolResult => ({ content: [] }))
    await this.rest()
    const end = ends[this.random(ends.length)] ?? []
    let read = ''
    for (const block of content) {
      if (block.type !== 'image' || !(block.data instanceof Base64Image)) continue
      for await (const chunk of block.data.chunks()) read += chunk.toString('latin1')
      await block.data[Symbol.asyncDispose]()
    }
    if (disconnected.signal.aborted) return advance({ state: 'abandoned' })
    isSent = true
    for (const state of end) {
      advance(stepOf(state))
      if (state === 'settling') await this.rest()
    }
    // Whoever was silent to the end loses the connection.
    if (!end.some((state) => state === 'delivered' || state === 'abandoned')) {
      this.extensions.push(() => advance({ state: 'abandoned' }))
    } else if (end.includes('delivered') && read !== '') {
      const text = Buffer.from(read, 'base64').toString().slice(0, 12)
      this.delivered.set(text, (this.delivered.get(text) ?? 0) + 1)
    }
  }

  async play(ends: typeof anything | typeof proving, mayCancel: boolean): Promise<void> {
    const calls: Promise<void>[] = []
    for (let n = 0; n < CALLS; n++) {
      calls.push(this.call(['a', 'b', 'c'][this.random(3)] ?? 'a', ends, mayCancel))
      this.monotonic += this.random(2) === 0 ? 0 : this.random(500)
      await this.rest()
    }
    await Promise.all(calls)
    for (const end of this.extensions) end()
    await this.results.close()
    this.monotonic += 60 * MINUTE
    // Another call finds out what is over its time.
    await this.results
      .attend(
        {
          tool: 'generate_image',
          args: { prompt: 'last' },
          caller: 'key:alice',
          id: 9,
          signal: new AbortController().signal,
          response: { openedAt: this.monotonic, track: () => createDelivery().delivery },
          log: silent,
        },
        () => Promise.reject(serviceError('IMG_ERR_CANCELLED', [])),
      )
      .catch(() => {})
    await this.results.close()
  }

  async expectNoLeftovers(t: TestContext, what: string): Promise<void> {
    t.assert.equal(this.results.waiting, 0, what)
    t.assert.equal(this.buffered.used, 0, what)
    t.assert.equal(this.buffered.spilled, 0, what)
    t.assert.deepEqual(await readdir(this.folder), [], what)
  }
}

test('each image is delivered once or expires, whoever leaves when', async (t: TestContext) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = new World(seed, await temporaryFolder(t), 1_000)
    await world.play(proving, false)
    const what = `seed ${seed}: ${JSON.stringify(world.events)}`
    for (const [image, times] of world.delivered) t.assert.equal(times, 1, `${image}, ${what}`)
    const { expired = 0 } = world.events
    t.assert.equal(world.delivered.size + expired, world.made, what)
    await world.expectNoLeftovers(t, what)
  }
})

test('nothing stays in memory or on the disk, also where clients cancel, prove nothing, or too much is stored', async (t: TestContext) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = new World(seed, await temporaryFolder(t), 4)
    await world.play(anything, true)
    await world.expectNoLeftovers(t, `seed ${seed}: ${JSON.stringify(world.events)}`)
  }
})
