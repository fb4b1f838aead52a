import { constants, type Stats } from 'node:fs'
import type { BufferPool } from '../../bytes/buffer-pool.ts'
import { durableFlags, temporaryName, waitForDisk, writeAll } from '../../bytes/durable-file.ts'
import { codeOf } from '../../errors/error-code.ts'
import type { ImageSource } from '../image-store.ts'
import { numberedName, type SplitFileName } from '../numbered-name.ts'
import { type DirectoryHandle, isSame } from './directory-handle.ts'
import type { Leftovers } from './leftovers.ts'
import { READ_FLAGS } from './walk-files.ts'

export interface TemporaryFile {
  name: string
  /** Identifies the file under any name. */
  stats: Stats
}

/** Writes an image (or an empty file) under a unique name and waits for the disk. Removes the file if that fails. */
export async function writeTemporary(
  directory: DirectoryHandle,
  image: ImageSource | undefined,
  pool: BufferPool,
  leftovers: Leftovers,
): Promise<TemporaryFile> {
  const name = temporaryName()
  const file = await directory.openFile(name, durableFlags, 0o644)
  try {
    try {
      if (image !== undefined) {
        for await (const chunk of image.decoded(pool)) await writeAll(file, chunk)
      }
      await waitForDisk(file)
      return { name, stats: await file.stat() }
    } finally {
      await file.close()
    }
  } catch (error) {
    await leftovers.remove(directory, name)
    throw error
  }
}

/** A complete temporary file and the name it shall get. */
export interface NewFile extends SplitFileName {
  temporary: TemporaryFile
}

export interface PublishedFile {
  name: string
  /** The number in the name; 1 if it has none. */
  number: number
}

/**
 * Gives a file its name, or the next free one: `name.png`, `name-2.png`, … from `number` on. The name appears atomically
 * and never overwrites an existing file. The temporary name may remain.
 */
export async function publish(
  directory: DirectoryHandle,
  file: SplitFileName & { temporary: Pick<TemporaryFile, 'name'> },
  number: number,
): Promise<PublishedFile> {
  for (let counter = number; ; counter++) {
    const name = numberedName(file, counter)
    try {
      await linkOrReserve(directory, file.temporary.name, name)
      return { name, number: counter }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}

/** Errors of file systems without hard links (FAT, many network and desktop mounts). */
const NO_LINK_ERRORS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK', 'EACCES', 'EINVAL'])

async function linkOrReserve(directory: DirectoryHandle, from: string, to: string): Promise<void> {
  try {
    await directory.link(from, to)
  } catch (error) {
    if (!NO_LINK_ERRORS.has(codeOf(error))) throw error
    // Creating an empty file reserves the name, so that the rename replaces no one else's file.
    const reserved = await directory.openFile(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)
    await reserved.close()
    try {
      await directory.rename(from, to)
    } catch (renameError) {
      await removeQuietly(directory, to)
      throw renameError
    }
  }
}

/** Whether a name refers to the file that was written. */
export async function isPublished(
  directory: DirectoryHandle,
  name: string,
  { stats }: TemporaryFile,
): Promise<boolean> {
  const file = await directory.openFile(name, READ_FLAGS).catch(() => undefined)
  if (file === undefined) return false
  try {
    return isSame(await file.stat(), stats)
  } finally {
    await file.close()
  }
}

/**
 * Removes a published file, unless its name refers to another file by now. Without an anchored directory this cannot be
 * checked safely, since the directory may be swapped between check and removal, so the file is not removed.
 */
export async function retract(directory: DirectoryHandle, name: string, temporary: TemporaryFile): Promise<void> {
  if (directory.isAnchored && (await isPublished(directory, name, temporary))) await removeQuietly(directory, name)
}

async function removeQuietly(directory: DirectoryHandle, name: string): Promise<void> {
  await directory.unlink(name).catch(() => {})
}
