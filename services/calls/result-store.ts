import { stat } from 'node:fs/promises'
import { type Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { Logger } from '../logging/logger.ts'
import { partsOfResult, type ResultParts, toToolResult } from './result-content.ts'
import { findResults, promoteResult, type ResultFile, readResult, removeResult, writeResult } from './result-file.ts'
import type { CallContext, ToolResult } from './types.ts'

export interface ResultStoreOptions {
  folder: string
  log: Logger
  /** The wall clock, which the next process shares. */
  now: () => number
}

/** A finished result: its parts, with the images in a file or, if none could be written, in memory. */
export interface ResultContent extends ResultParts {
  images: readonly Base64Image[]
  file: ResultFile | undefined
}

/** Which calls may have a result. */
export interface ResultIdentity {
  readonly owner: string
  /** Hash of whom its limits are counted for, such as the prefix of an address: each has its part of the space. */
  readonly share: string
  /** Hash of caller, tool and arguments; computed when it is first needed. */
  readonly fingerprint: () => string
}

/** The result of one paid call, with images of its own; they and the file are released when its last holder releases it. */
export interface StoredResult extends ResultIdentity {
  /** Resolves when the call has ended. Undefined: there is nothing to deliver. */
  readonly content: Promise<ResultContent | undefined>
  /** Bytes stored; 0 while the call runs. */
  readonly bytes: number
  /** When it expires, on the monotonic clock; set once it is abandoned. */
  expiresAt: number | undefined
  /** Adds a holder. @returns its release, which works once */
  hold(): () => void
  /**
   * Moves the images of an ended call to disk; if nothing can be written they stay in memory. A result that was written
   * as unproven becomes an abandoned one.
   */
  write(forMs: number, isUnproven: boolean): Promise<void>
  /** The content, if it is complete: a file may have been removed by hand. */
  read(): Promise<ResultContent | undefined>
}

export interface ResultStore {
  create(identity: ResultIdentity, content: Promise<ResultContent | undefined>): StoredResult
  /** What an earlier process stored, without holders. */
  load(): Promise<{ result: StoredResult; file: ResultFile }[]>
  /** Waits until nothing is being written or removed. */
  idle(): Promise<void>
}

export function createResultStore({ folder, log, now }: ResultStoreOptions): ResultStore {
  const working = new Set<Promise<unknown>>()

  function track(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((err) => log.error({ err }, 'storing or removing a result failed'))
      .finally(() => working.delete(tracked))
    working.add(tracked)
    return tracked
  }

  function create(identity: ResultIdentity, pending: Promise<ResultContent | undefined>): StoredResult {
    let holders = 0
    let bytes = 0
    /** Writes, one after another. */
    let writing = Promise.resolve()
    const content = pending.then((known) => {
      if (known !== undefined) bytes = known.file?.size ?? encodedBytesOf(known.images)
      return known
    })

    async function dispose(): Promise<void> {
      const known = await content
      await writing
      if (known?.file !== undefined) await removeResult(known.file.path)
      await disposeAll(known?.images ?? [])
    }

    async function moveToDisk(forMs: number, isUnproven: boolean): Promise<void> {
      const known = await content
      if (known === undefined) return
      const { text, notes, links, images, file: earlier } = known
      const expiresAt = Math.round(now() + forMs)
      try {
        if (earlier !== undefined) {
          known.file = await promoteResult(earlier, expiresAt)
          return
        }
        const { owner, share } = identity
        const fingerprint = identity.fingerprint()
        const texts = [text, ...notes]
        const file = await writeResult(folder, {
          owner,
          share,
          fingerprint,
          expiresAt,
          isUnproven,
          texts,
          links,
          images,
        })
        known.images = readResult(file)
        known.file = file
        bytes = file.size
        await disposeAll(images)
        log.info({ bytes, images: images.length, isUnproven }, 'result stored for an identical call')
      } catch (err) {
        log.warn({ err, bytes }, 'storing a result on disk failed; it stays in memory')
      }
    }

    function hold(): () => void {
      holders++
      let isReleased = false
      return () => {
        if (isReleased) return
        isReleased = true
        if (--holders === 0) track(dispose())
      }
    }

    return {
      ...identity,
      content,
      get bytes() {
        return bytes
      },
      expiresAt: undefined,
      hold,
      write(forMs, isUnproven) {
        const release = hold()
        writing = writing.then(() => moveToDisk(forMs, isUnproven))
        return track(writing.finally(release))
      },
      async read() {
        const known = await content
        return known?.file === undefined || (await isComplete(known.file)) ? known : undefined
      },
    }
  }

  return {
    create,
    async load() {
      const files = await findResults(folder, now())
      const loaded = files.map((file) => {
        const { owner, share = owner, fingerprint, texts, links = [] } = file.header
        const [text = '', ...notes] = texts
        const content = Promise.resolve({ text, notes, links, images: readResult(file), file })
        return { result: create({ owner, share, fingerprint: () => fingerprint }, content), file }
      })
      await Promise.all(loaded.map(({ result }) => result.content))
      return loaded
    },
    async idle() {
      while (working.size > 0) await Promise.all(working)
    },
  }
}

async function isComplete({ path, size }: ResultFile): Promise<boolean> {
  return await stat(path).then(
    (found) => found.size === size,
    () => false,
  )
}

/** What is worth storing of a result, with holds on its images; undefined if nothing was paid for. */
export function contentOf(result: ToolResult): ResultContent | undefined {
  const parts = partsOfResult(result)
  return parts && { ...parts, images: parts.images.map((image) => image.clone()), file: undefined }
}

/** A stored result as the response of another call, which owns the images until its scope is closed. */
export function repeatResult(content: ResultContent, note: string, { scope, isCancelled }: CallContext): ToolResult {
  const images = isCancelled ? [] : content.images.map((image) => scope.use(image.clone()))
  return toToolResult({ ...content, images, notes: [...content.notes, note] })
}

/** Bytes of base64 text that images take together. */
function encodedBytesOf(images: readonly Base64Image[]): number {
  return images.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0)
}
