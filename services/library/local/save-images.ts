import path from 'node:path'
import type { BufferPool } from '../../bytes/buffer-pool.ts'
import { serviceError } from '../../errors/errors.ts'
import { fitExtension } from '../file-extension.ts'
import type { ImageSource, SavedImage } from '../image-store.ts'
import { firstFreeNumber } from '../numbered-name.ts'
import { createTurns } from '../turns.ts'
import { isPublished, type NewFile, publish, retract, type TemporaryFile, writeTemporary } from './atomic-write.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import type { Leftovers } from './leftovers.ts'

type Settled<T> = PromiseSettledResult<T>

/** Where a set of images is saved. */
export interface SetTarget {
  directory: DirectoryHandle
  /** The directory, relative to the store. */
  folders: readonly string[]
  requestedName: string
}

interface WrittenImage extends NewFile {
  image: ImageSource
  fittedName: string
}

/** Saves sets of images in open directories; the results are in the order of the images. */
export type SaveImages = (
  target: SetTarget,
  images: readonly ImageSource[],
  signal?: AbortSignal,
) => Promise<Settled<SavedImage>[]>

export function createSaveImages(pool: BufferPool, leftovers: Leftovers): SaveImages {
  const inTurn = createTurns()

  async function write(
    { directory, requestedName }: SetTarget,
    image: ImageSource,
    signal?: AbortSignal,
  ): Promise<WrittenImage> {
    signal?.throwIfAborted()
    const temporary = await writeTemporary(directory, image, pool, leftovers)
    const { stem, extension } = fitExtension(requestedName, image.mimeType)
    return { temporary, stem, extension, image, fittedName: stem + extension }
  }

  return async function saveImages(target, images, signal) {
    const { directory, requestedName } = target
    const written: Settled<WrittenImage>[] = []
    // One after another: each write needs a buffer and waits for the disk.
    for (const image of images) written.push(await settled(write(target, image, signal)))
    const files = written.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    try {
      // Sets of the same name wait for each other, so that their numbers do not mix.
      const saved = await inTurn(path.join(directory.path, requestedName), () => {
        signal?.throwIfAborted()
        return publishSet(target, files)
      })
      await directory.sync()
      return written.map((each) => (each.status === 'fulfilled' ? (saved.get(each.value) ?? NOT_SAVED) : each))
    } finally {
      for (const { temporary } of files) await leftovers.remove(directory, temporary.name)
    }
  }
}

const NOT_SAVED: PromiseRejectedResult = { status: 'rejected', reason: new Error('the image was not published') }

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  const [result = NOT_SAVED] = await Promise.allSettled([promise])
  return result
}

async function publishSet(target: SetTarget, files: readonly WrittenImage[]) {
  const saved = new Map<WrittenImage, Settled<SavedImage>>()
  const isTaken = async (name: string) => (await target.directory.lookUp(name)) !== undefined
  let number = files.length > 1 ? await firstFreeNumber(files, isTaken) : 1
  for (const [index, file] of files.entries()) {
    const result = await settled(publishOne(target, file, number))
    if (result.status === 'fulfilled') number = result.value.number + 1
    saved.set(
      file,
      result.status === 'rejected'
        ? result
        : { status: 'fulfilled', value: describe(target, file, result.value, index + 1) },
    )
  }
  return saved
}

async function publishOne({ directory }: SetTarget, file: WrittenImage, from: number) {
  const published = await publish(directory, file, from)
  if (!(await isInPlace(directory, published.name, file.temporary))) {
    await retract(directory, published.name, file.temporary)
    throw serviceError('IMG_ERR_STORE_MOVED', [])
  }
  return published
}

/** @param expected the number of the image in its set */
function describe(
  { directory, folders, requestedName }: SetTarget,
  { image, fittedName }: WrittenImage,
  { name, number }: { name: string; number: number },
  expected: number,
): SavedImage {
  return {
    name: [...folders, name].join('/'),
    location: path.join(directory.path, name),
    bytes: image.bytes,
    changes: [
      ...(fittedName === requestedName ? [] : ['extension' as const]),
      ...(number === expected ? [] : ['taken' as const]),
    ],
  }
}

/** Whether the file can be found under the path that is about to be reported. */
async function isInPlace(directory: DirectoryHandle, fileName: string, temporary: TemporaryFile): Promise<boolean> {
  if (!(await directory.isIntact())) return false
  return directory.isAnchored || isPublished(directory, fileName, temporary)
}
