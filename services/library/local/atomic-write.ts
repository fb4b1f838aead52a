import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { createBase64Decoder, DECODED_AT_A_TIME, decodedCapacity } from '../../bytes/base64-decoder.ts'
import type { Base64Image } from '../../bytes/base64-image.ts'
import type { BufferPool } from '../../bytes/buffer-pool.ts'
import { durableFlags, temporaryName, waitForDisk, writeAll } from '../../bytes/durable-file.ts'
import { joinName } from '../output-path.ts'
import { codeOf, type Folder, isSame } from './directory-handle.ts'

/** Bytes written at a time: each write waits for the disk, so that most images are one. */
const WRITE_BYTES = 4_194_304

export interface TemporaryFile {
  name: string
  /** What the file is, whatever it is called. */
  stats: Stats
}

/** Writes an image under a name of its own and waits for the disk. Nothing is left behind if that fails. */
export async function writeTemporary(
  folder: Folder,
  image: Base64Image | undefined,
  pool: BufferPool,
): Promise<TemporaryFile> {
  const name = temporaryName()
  const file = await folder.open(name, durableFlags, 0o644)
  try {
    try {
      if (image !== undefined) await writeDecoded(file, image, pool)
      await waitForDisk(file)
      return { name, stats: await file.stat() }
    } finally {
      await file.close()
    }
  } catch (error) {
    await removeQuietly(folder, name)
    throw error
  }
}

async function writeDecoded(file: FileHandle, image: Base64Image, pool: BufferPool): Promise<void> {
  const decoder = createBase64Decoder()
  const decodedAtATime = decodedCapacity(DECODED_AT_A_TIME)
  using block = pool.acquire(Math.min(WRITE_BYTES, image.bytes + decodedAtATime))
  let filled = 0
  for await (const chunk of image.chunks()) {
    for (let at = 0; at < chunk.length; at += DECODED_AT_A_TIME) {
      filled += decoder.write(chunk.subarray(at, at + DECODED_AT_A_TIME), block.bytes.subarray(filled))
      if (filled + decodedAtATime <= block.bytes.length) continue
      await writeAll(file, block.bytes.subarray(0, filled))
      filled = 0
    }
  }
  decoder.end()
  if (filled > 0) await writeAll(file, block.bytes.subarray(0, filled))
}

/** Names tried before chance is asked for one. */
const maxCounter = 999

/**
 * Gives a finished temporary file its name, or the next free one: `name.png`, `name-2.png`, … The name comes to be in
 * one step and never replaces another file, whoever else is writing. The temporary name stays or is gone.
 */
export async function publish(
  folder: Folder,
  temporary: TemporaryFile,
  stem: string,
  extension: string,
): Promise<string> {
  for (let counter = 1; ; counter++) {
    const name = joinName(stem, nameSuffix(counter) + extension)
    try {
      await linkOrReserve(folder, temporary.name, name)
      return name
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}

function nameSuffix(counter: number): string {
  if (counter === 1) return ''
  return counter <= maxCounter ? `-${counter}` : `-${randomBytes(6).toString('hex')}`
}

/** Answers of file systems that know no hard links (FAT, many network and desktop mounts). */
const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK', 'EACCES', 'EINVAL'])

async function linkOrReserve(folder: Folder, from: string, to: string): Promise<void> {
  try {
    await folder.link(from, to)
  } catch (error) {
    if (!withoutLinks.has(codeOf(error))) throw error
    // The name is ours once the empty file is; what is renamed over it is then no one else's.
    const reserved = await folder.open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)
    await reserved.close()
    try {
      await folder.rename(from, to)
    } catch (renameError) {
      await removeQuietly(folder, to)
      throw renameError
    }
  }
}

/** Whether a name leads to the file that was written. */
export async function isPublished(folder: Folder, name: string, { stats }: TemporaryFile): Promise<boolean> {
  const file = await folder.open(name, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(() => undefined)
  if (file === undefined) return false
  try {
    return isSame(await file.stat(), stats)
  } finally {
    await file.close()
  }
}

/**
 * Takes a published file back, unless its name is by now that of somebody else's file. By names alone that cannot be
 * known: between the look and the removal another folder may be put in place, so the file is left where it is.
 */
export async function retract(folder: Folder, name: string, temporary: TemporaryFile): Promise<void> {
  if (folder.isAnchored && (await isPublished(folder, name, temporary))) await removeQuietly(folder, name)
}

export async function removeQuietly(folder: Folder, name: string): Promise<void> {
  await folder.unlink(name).catch(() => {})
}
