import { readdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Base64Image, bufferImage } from '../../../services/bytes/base64-image.ts'
import { type BufferSpool, createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { type AbandonedResults, createAbandonedResults } from '../../../services/calls/abandoned-results.ts'
import { createChain } from '../../../services/calls/chain.ts'
import type { DeliveryStep } from '../../../services/calls/delivery.ts'
import type { RunCall, ToolResult } from '../../../services/calls/types.ts'
import { serviceError } from '../../../services/errors/errors.ts'
import { callerOf, paidCall, silent } from '../../support/calls.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Clients that send a few prompts, and disconnect, cancel, read, prove and break off at random moments. */

const alice = callerOf('key:alice')
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

/** How a client may end: one of these at random. One that only reports `sent` is disconnected at the end of the run. */
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

const isMissingFile = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

class World {
  readonly random: (below: number) => number
  readonly spool: BufferSpool
  readonly folder: string
  /** Of each process on the folder. */
  readonly processes: readonly { results: AbandonedResults; run: RunCall }[]
  readonly events: Record<string, number> = {}
  readonly delivered = new Map<string, number>()
  readonly extensions: (() => void)[] = []
  monotonic = 0
  made = 0

  constructor(seed: number, folder: string, maxEntries: number, processes = 1) {
    this.random = createRandom(seed)
    this.folder = folder
    this.spool = createBufferSpool({ maxBytes: 40_000, spillFolders: [folder] })
    this.processes = Array.from({ length: processes }, () => {
      const results = createAbandonedResults({
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
      return { results, run: createChain([results.around]) }
    })
  }

  get waiting(): number {
    return this.processes.reduce((sum, { results }) => sum + results.waiting, 0)
  }

  async close(): Promise<void> {
    for (const { results } of this.processes) await results.close()
  }

  async rest(): Promise<void> {
    for (let turns = this.random(6); turns > 0; turns--) await turn()
  }

  async make(): Promise<ToolResult> {
    await this.rest()
    if (this.random(10) === 0) throw serviceError('IMG_ERR_CANCELLED', [])
    const bytes = Buffer.alloc(3_000 + this.random(9_000), `image ${this.made++} `)
    const image = await bufferImage([bytes], () => ({ mimeType: 'image/png', width: 2, height: 1 }), this.spool)
    return {
      content: [
        { type: 'text', text: 'done' },
        { type: 'image', data: image, mimeType: image.mimeType },
      ],
    }
  }

  /** One client from its call to its end. */
  async call(prompt: string, ends: typeof anything | typeof proving, mayCancel: boolean): Promise<void> {
    const requestId = this.random(4)
    const process = this.processes[this.random(this.processes.length)]
    if (process === undefined) throw new Error('no process')
    const { call, delivery, disconnect, scope } = paidCall(
      { prompt },
      { caller: alice.id, requestId, openedAt: this.monotonic, make: () => this.make() },
    )
    const response = process.run(call)
    let isSent = false
    if (this.random(4) === 0) {
      void this.rest().then(() => {
        if (!isSent) disconnect()
      })
    }
    if (mayCancel && this.random(4) === 0) void this.rest().then(() => process.results.suspect(alice, requestId))
    const { content } = await response.catch((): ToolResult => ({ content: [] }))
    await this.rest()
    const end = ends[this.random(ends.length)] ?? []
    let read = ''
    try {
      for (const block of content) {
        if (block.type !== 'image' || !(block.data instanceof Base64Image)) continue
        for await (const chunk of block.data.chunks()) read += chunk.toString('latin1')
      }
    } catch (error) {
      // The file of a client that disconnected is removed once another client has received it: no one waits for this copy.
      if (!call.context.isCancelled || !isMissingFile(error)) throw error
    }
    await scope.disposeAsync()
    if (call.context.isCancelled) return delivery.report({ state: 'abandoned' })
    isSent = true
    for (const state of end) {
      delivery.report(stepOf(state))
      if (state === 'settling') await this.rest()
    }
    // Clients that proved nothing are disconnected.
    if (!end.some((state) => state === 'delivered' || state === 'abandoned')) {
      this.extensions.push(() => delivery.report({ state: 'abandoned' }))
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
    await this.close()
    this.monotonic += 60 * MINUTE
    // Another call drops what has expired.
    const make = () => Promise.reject(serviceError('IMG_ERR_CANCELLED', []))
    for (const { run } of this.processes) {
      const last = paidCall({ prompt: 'last' }, { caller: alice.id, requestId: 9, openedAt: this.monotonic, make })
      await run(last.call).catch(() => {})
    }
    await this.close()
  }

  async expectNoLeftovers(t: TestContext, what: string): Promise<void> {
    t.assert.equal(this.waiting, 0, what)
    t.assert.equal(this.spool.used, 0, what)
    t.assert.equal(this.spool.spilled, 0, what)
    t.assert.deepEqual(await readdir(this.folder), [], what)
  }
}

test('each image is delivered once or expires, whenever clients disconnect', async (t: TestContext) => {
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

test('each image is delivered at most once by two processes on one folder, and nothing stays', async (t: TestContext) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = new World(seed, await temporaryFolder(t), 1_000, 2)
    await world.play(proving, false)
    const what = `seed ${seed}: ${JSON.stringify(world.events)}`
    for (const [image, times] of world.delivered) t.assert.equal(times, 1, `${image}, ${what}`)
    // What one process delivers may expire on the list of the other.
    t.assert.ok(world.delivered.size + (world.events.expired ?? 0) >= world.made, what)
    await world.expectNoLeftovers(t, what)
  }
})

test('nothing stays in memory or on disk, even if clients cancel, prove nothing, or too much is stored', async (t: TestContext) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = new World(seed, await temporaryFolder(t), 4)
    await world.play(anything, true)
    await world.expectNoLeftovers(t, `seed ${seed}: ${JSON.stringify(world.events)}`)
  }
})
