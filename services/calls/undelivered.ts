import { stat } from 'node:fs/promises'
import { createEncodedImage, type EncodedImage, isEncodedImage } from '../images/encoded-image.ts'
import type { Logger } from '../logger.ts'
import type { ToolResult } from '../mcp/catalog.ts'
import type { CallGuard, PendingCall } from '../mcp/method.ts'
import { fingerprintOf, ownerOf } from './fingerprint.ts'
import { findKept, type KeptFile, readKept, removeKept, writeKept } from './kept-files.ts'

/** What became of a result that nobody was there to take: a closed set for metrics. */
export type UndeliveredEvent = 'abandoned' | 'kept' | 'joined' | 'received' | 'expired' | 'evicted' | 'failed'

export interface UndeliveredOptions {
  /** Where results are kept, so that a restart keeps them. */
  folder: string
  /** Milliseconds that a result is kept. */
  ttlMs: number
  maxEntries: number
  /** Bytes on disk and in memory together. */
  maxBytes: number
  log: Logger
  onEvent?: (event: UndeliveredEvent) => void
  /** The wall clock, which the next process shares. */
  now?: () => number
  /** Milliseconds on a clock that never jumps. */
  monotonic?: () => number
}

export interface Undelivered {
  /** Makes a call, or answers it with what the same call made before and nobody received. */
  attend: CallGuard
  /** Results that wait for their caller, those still in the making included. */
  readonly waiting: number
  /** Takes over what an earlier process kept. */
  load(): Promise<void>
  /** Waits until everything that is being kept is kept. */
  close(): Promise<void>
}

/** A finished result: its texts, and its pictures in a file or, where no file could be written, in memory. */
interface Kept {
  texts: string[]
  images: readonly EncodedImage[]
  file: KeptFile | undefined
  bytes: number
}

/** A call whose caller left. */
interface Abandoned {
  owner: string
  fingerprint: string
  /** Undefined: there was nothing to keep. */
  kept: Promise<Kept | undefined>
  /** Set once it is kept. */
  bytes: number
  /** On the monotonic clock; a call still running has no end yet. */
  expiresAt: number
}

const PURGE_EVERY_MS = 15_000
const NOTE =
  'This was made for your earlier, identical call, whose answer you did not receive; nothing was paid again for it.'

/**
 * Nothing paid is lost: a call whose caller leaves runs to its end, its result is kept, and the identical call of the
 * same caller joins it or receives it. What was received is forgotten, so that the next identical call is its own.
 * Fingerprints are made only when a caller leaves, and for callers who left something behind.
 */
export function createUndelivered(options: UndeliveredOptions): Undelivered {
  const { folder, ttlMs, log, now = Date.now, monotonic = () => performance.now() } = options
  const onEvent = options.onEvent ?? (() => {})
  /** In order of age. */
  const waiting = new Set<Abandoned>()
  const owners = new Map<string, number>()
  const writing = new Set<Promise<unknown>>()

  function add(entry: Abandoned): void {
    waiting.add(entry)
    owners.set(entry.owner, (owners.get(entry.owner) ?? 0) + 1)
  }

  function remove(entry: Abandoned): void {
    if (!waiting.delete(entry)) return
    const left = (owners.get(entry.owner) ?? 1) - 1
    if (left === 0) owners.delete(entry.owner)
    else owners.set(entry.owner, left)
  }

  function findFor(call: PendingCall): Abandoned | undefined {
    const owner = ownerOf(call.caller)
    if (!owners.has(owner)) return undefined
    const fingerprint = fingerprintOf(call)
    return waiting.values().find((entry) => entry.owner === owner && entry.fingerprint === fingerprint)
  }

  async function discard(entry: Abandoned, event: UndeliveredEvent): Promise<void> {
    remove(entry)
    onEvent(event)
    const kept = await entry.kept
    if (kept?.file !== undefined) await removeKept(kept.file.path)
    await Promise.all(kept?.images.map((image) => image.release()) ?? [])
  }

  function purge(): void {
    for (const entry of waiting) if (entry.expiresAt <= monotonic()) track(discard(entry, 'expired'))
  }

  /** Makes room for what was just kept, the oldest first. */
  function evict(): void {
    let bytes = waiting.values().reduce((sum, entry) => sum + entry.bytes, 0)
    let count = waiting.size
    for (const entry of waiting) {
      if (bytes <= options.maxBytes && count <= options.maxEntries) return
      if (entry.expiresAt === Number.POSITIVE_INFINITY) continue
      log.warn({ bytes: entry.bytes }, 'an undelivered picture was given up, because there are too many')
      bytes -= entry.bytes
      count--
      track(discard(entry, 'evicted'))
    }
  }

  function track(work: Promise<unknown>): void {
    const tracked = work
      .catch((err) => log.error({ err }, 'an undelivered picture could not be dealt with'))
      .finally(() => writing.delete(tracked))
    writing.add(tracked)
  }

  /** The caller of a running or finished call has left. */
  function abandon(call: PendingCall, result: Promise<ToolResult>): void {
    onEvent('abandoned')
    const owner = ownerOf(call.caller)
    const fingerprint = fingerprintOf(call)
    const kept = keep(result, owner, fingerprint)
    const entry: Abandoned = { owner, fingerprint, kept, bytes: 0, expiresAt: Number.POSITIVE_INFINITY }
    add(entry)
    // Not tracked: a call that Azure does not end must not hold up the end of the process.
    void kept.then((made) => {
      if (made === undefined) remove(entry)
      else settle(entry, made)
    })
  }

  function settle(entry: Abandoned, { bytes }: Kept): void {
    entry.bytes = bytes
    entry.expiresAt = monotonic() + ttlMs
    if (waiting.has(entry)) evict()
  }

  async function keep(running: Promise<ToolResult>, owner: string, fingerprint: string): Promise<Kept | undefined> {
    // Whatever went wrong has been told by whoever made the call.
    const result = await running.catch(() => undefined)
    if (result === undefined || result.isError === true) return undefined
    const { texts, images } = partsOf(result)
    if (images.length === 0) return undefined
    const work = write(texts, images, owner, fingerprint)
    track(work)
    return await work
  }

  async function write(
    texts: string[],
    images: readonly EncodedImage[],
    owner: string,
    fingerprint: string,
  ): Promise<Kept> {
    const bytes = images.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0)
    try {
      const facts = { owner, fingerprint, expiresAt: Math.round(now() + ttlMs), texts }
      const file = await writeKept(folder, { ...facts, images })
      await Promise.all(images.map((image) => image.release()))
      onEvent('kept')
      log.info({ bytes, images: images.length }, 'caller left, the picture is kept for its retry')
      return { texts, images: readKept(file), file, bytes: file.size }
    } catch (err) {
      onEvent('kept')
      log.warn({ err, bytes }, 'an undelivered picture could not be written and is kept in memory')
      return { texts, images, file: undefined, bytes }
    }
  }

  /** The result of an abandoned call for whoever asks for the same; it is given up only once it was received. */
  async function hand(entry: Abandoned, call: PendingCall): Promise<ToolResult | undefined> {
    remove(entry)
    onEvent('joined')
    // Who waits may leave too, and the next who asks must find the call that still runs.
    const leave = () => add(entry)
    call.signal.addEventListener('abort', leave, { once: true })
    const kept = await entry.kept
    call.signal.removeEventListener('abort', leave)
    if (kept === undefined) return undefined
    if (call.signal.aborted) return { content: kept.texts.map((text) => ({ type: 'text', text })) }
    // A file that somebody removed is found out now, and not in the middle of an answer.
    if (kept.file !== undefined && !(await isThere(kept.file))) {
      onEvent('failed')
      return undefined
    }
    call.log.info({ images: kept.images.length }, 'an identical call was abandoned before, its picture is handed over')
    const [first = '', ...others] = kept.texts
    const lent = lend(call, kept.images, {
      onLeft: () => {
        // Its time goes on from when it was kept.
        add(entry)
      },
      onReceived: () => discard(entry, 'received'),
    })
    return {
      content: [
        { type: 'text', text: `${first}\n${NOTE}` },
        ...others.map((text) => ({ type: 'text' as const, text })),
        ...lent.map((image) => ({ type: 'image' as const, data: image, mimeType: image.mimeType })),
      ],
    }
  }

  async function attendAnew(call: PendingCall, run: () => Promise<ToolResult>): Promise<ToolResult> {
    const running = run()
    let hasLeft = false
    const leave = () => {
      hasLeft = true
      abandon(call, running)
    }
    call.signal.addEventListener('abort', leave, { once: true })
    try {
      const result = await running
      // Nobody is there; the pictures are in other hands.
      if (hasLeft) return { content: result.content.filter(({ type }) => type === 'text') }
      return lendResult(call, result)
    } finally {
      call.signal.removeEventListener('abort', leave)
    }
  }

  /** The result for a caller who is there, and who may still leave before the last byte is out. */
  function lendResult(call: PendingCall, result: ToolResult): ToolResult {
    const { images } = partsOf(result)
    if (images.length === 0) return result
    const lent = lend(call, images, {
      onLeft: () => abandon(call, Promise.resolve(result)),
      onReceived: async () => {
        await Promise.all(images.map((image) => image.release()))
      },
    })
    return { ...result, content: withImages(result, lent) }
  }

  const timer = setInterval(purge, PURGE_EVERY_MS).unref()

  return {
    get waiting() {
      return waiting.size
    },

    async attend(call, run) {
      purge()
      const entry = owners.size === 0 || call.signal.aborted ? undefined : findFor(call)
      const handed = entry === undefined ? undefined : await hand(entry, call)
      return handed ?? (await attendAnew(call, run))
    },

    async load() {
      for (const file of await findKept(folder, now())) {
        const { fingerprint, owner, texts, expiresAt } = file.header
        const kept = { texts, images: readKept(file), file, bytes: file.size }
        // The clock may have been set back since.
        const leftMs = Math.min(ttlMs, expiresAt - now())
        add({
          owner,
          fingerprint,
          kept: Promise.resolve(kept),
          bytes: file.size,
          expiresAt: monotonic() + leftMs,
        })
      }
      evict()
    },

    async close() {
      clearInterval(timer)
      while (writing.size > 0) await Promise.all(writing)
    },
  }
}

/** Lends pictures to an answer. Whether it was received shows when the answer lets go of them. */
function lend(
  { signal }: PendingCall,
  images: readonly EncodedImage[],
  { onLeft, onReceived }: { onLeft: () => void; onReceived: () => Promise<void> },
): EncodedImage[] {
  const open = new Set(images)
  const leave = () => {
    open.clear()
    onLeft()
  }
  const lent = images.map((image) => {
    // The answer may still be on its way out of memory when the picture itself is kept in a file and given up.
    const shared = image.share()
    return createEncodedImage(image, image.bytes, {
      chunks: () => shared.chunks(),
      async release() {
        await shared.release()
        if (!open.delete(image) || open.size > 0) return
        signal.removeEventListener('abort', leave)
        await onReceived()
      },
    })
  })
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
  return lent
}

function partsOf({ content }: ToolResult): { texts: string[]; images: EncodedImage[] } {
  return {
    texts: content.flatMap((block) => (block.type === 'text' ? [block.text] : [])),
    images: content.flatMap((block) => (block.type === 'image' && isEncodedImage(block.data) ? [block.data] : [])),
  }
}

/** The same blocks with other pictures in the places of theirs. */
function withImages({ content }: ToolResult, images: readonly EncodedImage[]): ToolResult['content'] {
  const left = images.values()
  return content.map((block) => {
    if (block.type !== 'image' || !isEncodedImage(block.data)) return block
    return { ...block, data: left.next().value ?? block.data }
  })
}

async function isThere({ path, size }: KeptFile): Promise<boolean> {
  return await stat(path).then(
    (found) => found.size === size,
    () => false,
  )
}
