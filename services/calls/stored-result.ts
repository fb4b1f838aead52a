import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import { disposeAll } from '../bytes/base64-image.ts'
import type { Logger } from '../logging/logger.ts'
import type { LibraryResults } from './library-result.ts'
import { baseOf, type ResultClaims } from './result-claims.ts'
import { encodedBytesOf, partsOfResult, type ResultContent, type ResultParts } from './result-content.ts'
import { openImages, promoteResult, RESULT_EXTENSION, writeResult } from './result-file.ts'
import type { ResultShelf } from './result-shelf.ts'
import type { RunningCall } from './running-calls.ts'
import type { CallContext } from './types.ts'

export interface ResultStoreOptions {
  folder: string
  /** For replicas that share a library, but no folder. */
  shared?: { shelf: ResultShelf; libraryResults: LibraryResults } | undefined
  log: Logger
  /** The wall clock, which the next process shares. */
  now: () => number
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
  /** What other replicas know of it while its call runs; undefined: nothing. */
  running: RunningCall | undefined
  /** When it expires, on the monotonic clock; set once it is abandoned. */
  expiresAt: number | undefined
  /** Adds a holder. @returns its release, which works once */
  hold(): () => void
  /**
   * Moves the images of an ended call to disk; if nothing can be written they stay in memory. A result that was written
   * as unproven becomes an abandoned one.
   */
  write(forMs: number, isUnproven: boolean): Promise<void>
  /**
   * Takes the result for a delivery, so that no other process delivers it as well, when the call has ended.
   * @returns false: another process was faster, or the file was removed
   */
  claim(): Promise<boolean>
  /** After a delivery that failed: other processes may deliver it again. */
  release(): void
  /**
   * The content with open images, which the receiver must dispose, so that whatever happens to the file no response is cut
   * off in the middle. Undefined: there is none, or its file was removed.
   */
  read(context: CallContext): Promise<ResultParts | undefined>
}

/** What all results of a store share. */
export interface ResultStoreParts extends ResultStoreOptions {
  claims: ResultClaims
  /** Files of the results of this process, by the part of their names that never changes. */
  known: Set<string>
  /** Ids of the results of this process that other replicas find, or that it found. */
  shelved: Set<string>
  /** The store is not idle until this has ended. Never rejects. */
  track(work: Promise<void>): Promise<void>
}

/** @param shelfId of a result that may be on the shelf already @param isOwn whether this process has the images */
export function createStoredResult(
  { folder, shared, log, now, claims, known, shelved, track }: ResultStoreParts,
  identity: ResultIdentity,
  pending: Promise<ResultContent | undefined>,
  shelfId?: string,
  isOwn = true,
): StoredResult {
  const { owner, share } = identity
  let holders = 0
  let bytes = 0
  let isClaimed = false
  /** Of another replica, which still has it. */
  let isUnreadable = false
  /** Work on the file, one after another. */
  let last: Promise<unknown> = Promise.resolve()
  const content = pending.then((ended) => {
    if (ended !== undefined) bytes = ended.file?.size ?? encodedBytesOf(ended.images)
    return ended
  })

  function inTurn<T>(work: (ended: ResultContent) => Promise<T>): Promise<T | undefined> {
    const done = last.then(async () => {
      const ended = await content
      return ended && (await work(ended))
    })
    last = done.catch(() => {})
    return done
  }

  async function putOnShelf(
    { stored, file, jobId }: ResultContent,
    expiresAt: number,
    isUnproven: boolean,
  ): Promise<void> {
    if (shared === undefined || stored === undefined) return
    shelfId ??= file === undefined ? randomUUID() : basename(baseOf(file.path))
    shelved.add(shelfId)
    const facts = {
      fingerprint: identity.fingerprint(),
      share,
      expiresAt,
      isUnproven,
      stored,
      ...(jobId && { jobId }),
    }
    await shared.shelf.put(owner, shelfId, facts, isClaimed)
  }

  async function claimFromShelf(): Promise<boolean> {
    if (shared === undefined || shelfId === undefined) return true
    const outcome = await shared.shelf.claim(owner, shelfId)
    return outcome === 'claimed' || (outcome === 'unknown' && isOwn)
  }

  async function dispose(ended: ResultContent): Promise<void> {
    if (shelfId !== undefined) {
      await (isUnreadable ? shared?.shelf.release(owner, shelfId) : shared?.shelf.remove(owner, shelfId))
      shelved.delete(shelfId)
    }
    if (ended.file !== undefined) {
      await claims.remove(ended.file)
      known.delete(baseOf(ended.file.path))
    }
    await disposeAll(ended.images)
  }

  async function moveToDisk(ended: ResultContent, forMs: number, isUnproven: boolean): Promise<void> {
    const { text, notes, links, jobId, images, file: earlier } = ended
    const expiresAt = Math.round(now() + forMs)
    if (!isOwn) return await putOnShelf(ended, expiresAt, isUnproven)
    try {
      if (earlier !== undefined) {
        // While it is claimed no other process changes it too.
        if (!(await claims.claim(earlier))) return
        await promoteResult(earlier, expiresAt)
        if (!isClaimed) await claims.release(earlier)
        return
      }
      const fingerprint = identity.fingerprint()
      const texts = [text, ...notes]
      const file = await writeResult(
        folder,
        { owner, share, fingerprint, expiresAt, isUnproven, texts, links, jobId, images },
        () => (isClaimed ? claims.extension() : RESULT_EXTENSION),
      )
      known.add(baseOf(file.path))
      if (!file.path.endsWith(RESULT_EXTENSION)) claims.hold(file)
      ended.images = []
      ended.file = file
      bytes = file.size
      await disposeAll(images)
      log.info({ bytes, images: images.length, isUnproven }, 'result stored for an identical call')
    } catch (err) {
      log.warn({ err, bytes }, 'storing a result on disk failed; it stays in memory')
    } finally {
      await putOnShelf(ended, expiresAt, isUnproven)
    }
  }

  function hold(): () => void {
    holders++
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      if (--holders === 0) track(inTurn(dispose))
    }
  }

  return {
    ...identity,
    content,
    get bytes() {
      return bytes
    },
    running: undefined,
    expiresAt: undefined,
    hold,
    write(forMs, isUnproven) {
      const release = hold()
      return track(inTurn((ended) => moveToDisk(ended, forMs, isUnproven)).finally(release))
    },
    async claim() {
      isClaimed = true
      // After a write that is under way, whose file another process would find.
      const isOurs = await inTurn(async ({ file }) => {
        return (file === undefined || (await claims.claim(file))) && (await claimFromShelf())
      })
      return isOurs === true
    },
    release() {
      if (!isClaimed) return
      isClaimed = false
      track(
        inTurn(async ({ file }) => {
          if (file !== undefined) await claims.release(file)
          if (shelfId !== undefined) await shared?.shelf.release(owner, shelfId)
        }),
      )
    },
    async read(context) {
      const ended = await content
      if (ended === undefined) return undefined
      if (!isOwn && ended.jobId !== undefined) return { ...ended, images: [] }
      if (!isOwn) {
        const repeated =
          ended.stored && (await shared?.libraryResults.read(ended.stored, context).catch(() => undefined))
        const parts = repeated && partsOfResult(repeated)
        isUnreadable = parts === undefined
        return parts
      }
      if (ended.file === undefined) return { ...ended, images: ended.images.map((image) => image.clone()) }
      const images = await inTurn(({ file }) => (file === undefined ? Promise.resolve(undefined) : openImages(file)))
      return images && { ...ended, images }
    },
  }
}
