import path from 'node:path'
import { fitExtension } from '../file-extension.ts'
import type { ImageSource, SavedImage } from '../image-store.ts'
import { commonPrefix, firstFreeNumber, MAX_COUNTER, numberedName, type SplitFileName } from '../numbered-name.ts'
import { createTurns } from '../turns.ts'
import { PAGE_ENTRIES } from './blob-files.ts'
import { type Blobs, OPERATION_MS } from './blobs.ts'
import { type Container, orAborted } from './open-container.ts'

type Settled<T> = PromiseSettledResult<T>

/** Saves images under a name or the next free ones: `name.png`, `name-2.png`, … The results are in the order of the images. */
export type SaveBlobs = (
  name: string,
  images: readonly ImageSource[],
  signal?: AbortSignal,
) => Promise<Settled<SavedImage>[]>

/** A name with the folder in its stem, as it is in the container. */
interface FittedName extends SplitFileName {
  image: ImageSource
  requestedName: string
  folder: string
}

/** Uploads for a name that others take at the same time, before the image gets a random number. */
const MAX_CONFLICTS = 8
/** More names would be others that only begin alike: numbered ones come first in the order of the list. */
const MAX_LISTED = 5_000

/** @param location of a blob by its name, for messages */
export function createSaveBlobs(container: Container, blobs: Blobs, location: (name: string) => string): SaveBlobs {
  const inTurn = createTurns()

  /** Names that a new file could have and others do. One list, because a look at each name would take a request. */
  async function takenNames(file: FittedName, signal?: AbortSignal): Promise<ReadonlySet<string>> {
    const limit = AbortSignal.timeout(OPERATION_MS)
    const abortSignal = signal === undefined ? limit : AbortSignal.any([signal, limit])
    const pages = (await container())
      .listBlobsFlat({ prefix: file.folder + commonPrefix(file), abortSignal })
      .byPage({ maxPageSize: PAGE_ENTRIES })
    const names = new Set<string>()
    for await (const { segment } of pages) {
      for (const { name } of segment.blobItems) names.add(name)
      if (names.size >= MAX_LISTED) break
    }
    return names
  }

  /** @param taken what is known of the names that others have */
  async function saveOne(file: FittedName, from: number, taken: ReadonlySet<string> | undefined, signal?: AbortSignal) {
    let names = taken
    let conflicts = 0
    signal?.throwIfAborted()
    for (let counter = from; ; counter++) {
      const name = file.folder + numberedName(file, counter)
      if (names?.has(name)) continue
      if (await blobs.create(name, file.image, signal)) return { name, number: counter }
      names = await takenNames(file, signal)
      if (++conflicts === MAX_CONFLICTS) counter = MAX_COUNTER
    }
  }

  /** Rejects only before anything has been saved. */
  async function saveAll(files: readonly FittedName[], signal?: AbortSignal): Promise<Settled<SavedImage>[]> {
    const [first] = files
    const taken = first === undefined || files.length === 1 ? undefined : await takenNames(first, signal)
    const folder = first?.folder ?? ''
    let number = taken === undefined ? 1 : await firstFreeNumber(files, (name) => taken.has(folder + name))
    const results: Settled<SavedImage>[] = []
    // One after another: the numbers follow each other, and each upload needs memory.
    for (const [index, file] of files.entries()) {
      const [saved] = await Promise.allSettled([saveOne(file, number, taken, signal)])
      if (saved.status === 'fulfilled') {
        number = saved.value.number + 1
        results.push({ status: 'fulfilled', value: describe(file, saved.value, index + 1) })
      } else results.push(saved)
    }
    return results
  }

  /** @param expected the number of the image in its set */
  function describe(file: FittedName, saved: { name: string; number: number }, expected: number): SavedImage {
    const isFitted = file.stem + file.extension === file.requestedName
    return {
      name: saved.name,
      location: location(saved.name),
      bytes: file.image.bytes,
      changes: [...(isFitted ? [] : ['extension' as const]), ...(saved.number === expected ? [] : ['taken' as const])],
    }
  }

  return async function saveBlobs(name, images, signal) {
    const requestedName = path.posix.basename(name)
    const folder = name.slice(0, -requestedName.length)
    const files = images.map((image) => ({
      image,
      requestedName,
      folder,
      ...fitExtension(requestedName, image.mimeType),
    }))
    const started = Promise.withResolvers<void>()
    // Sets of the same name wait for each other, so that their numbers do not mix.
    const work = inTurn(name, async () => {
      started.resolve()
      return await saveAll(files, signal)
    })
    if (signal !== undefined) await orAborted(started.promise, signal)
    return await work
  }
}
