import { constants } from 'node:fs'
import { type FileHandle, statfs } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { BufferPool } from '../../bytes/buffer-pool.ts'
import { temporaryName, writeAll } from '../../bytes/durable-file.ts'
import { codeOf } from '../../errors/error-code.ts'
import { serviceError } from '../../errors/errors.ts'
import { checkTextLength, type FileSource, LIBRARY_FOLDER, type LibraryFiles, type StoredFile } from '../image-store.ts'
import { DirectoryHandle } from './directory-handle.ts'
import { cacheFolder } from './folder-cache.ts'
import type { Leftovers } from './leftovers.ts'
import { toStoreError } from './store-error.ts'
import { READ_FLAGS, statOf, walkFiles } from './walk-files.ts'
import { splitName, withDirectory } from './with-directory.ts'

const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
const READ_BYTES = 262_144

export interface LocalFiles extends LibraryFiles {
  /** Closes what is open between calls. */
  close(): void
}

/** The library's files in a folder. @param root absolute path of the store's folder */
export function createLocalFiles(root: string, pool: BufferPool, leftovers: Leftovers): LocalFiles {
  const { inFolder: inNewFolder, close } = cacheFolder(root)

  const inFolderOf = <T>(
    name: string,
    create: boolean,
    work: (directory: DirectoryHandle, file: string) => Promise<T>,
  ) => {
    const { folders, fileName } = splitName(name)
    if (create) return inNewFolder(folders, (directory) => work(directory, fileName))
    return withDirectory(root, folders, false, (directory) => work(directory, fileName))
  }

  /** Creates a file with the content that `write` gives it, or none. */
  async function createFile(directory: DirectoryHandle, name: string, write: (file: FileHandle) => Promise<void>) {
    const file = await directory.openFile(name, CREATE_FLAGS, 0o644)
    try {
      await write(file).finally(() => file.close())
    } catch (error) {
      await leftovers.remove(directory, name)
      throw error
    }
  }

  /** @throws the reason of the signal, or the error for the client */
  async function writing<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work
    } catch (error) {
      signal?.throwIfAborted()
      throw toStoreError(error)
    }
  }

  async function reading<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause))) return undefined
      throw serviceError('IMG_ERR_STORE_UNREADABLE', [], { cause })
    }
  }

  async function open(name: string): Promise<StoredFile | undefined> {
    const file = await reading(
      inFolderOf(name, false, (directory, fileName) => directory.openFile(fileName, READ_FLAGS)),
    )
    return file && (await openLocalFile(file))
  }

  return {
    close,
    async create(name, source, signal) {
      await writing(
        inFolderOf(name, true, (directory, fileName) =>
          createFile(directory, fileName, (file) => writeChunks(file, source, pool, signal)),
        ),
        signal,
      )
    },
    async writeText(name, content, signal) {
      const bytes = Buffer.from(content)
      const write = inFolderOf(name, true, async (directory, fileName) => {
        const temporary = temporaryName()
        await createFile(directory, temporary, async (file) => {
          await writeAll(file, bytes)
          signal?.throwIfAborted()
        })
        await directory.rename(temporary, fileName)
      })
      await writing(write, signal)
    },
    async readText(name) {
      await using file = await open(name)
      if (file === undefined) return undefined
      checkTextLength(file)
      return await text(file.read(0, file.bytes))
    },
    open,
    async remove(name) {
      const removal = inFolderOf(name, false, (directory, fileName) => directory.unlink(fileName))
      await removal.catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw toStoreError(error)
      })
    },
    async *entries() {
      try {
        for await (const found of walkFiles(() => DirectoryHandle.open(root), [LIBRARY_FOLDER])) {
          const stats = await statOf(found)
          if (stats !== undefined) yield { name: found.name, bytes: stats.size, modifiedAt: stats.mtimeMs }
        }
      } catch (cause) {
        throw serviceError('IMG_ERR_STORE_UNREADABLE', [], { cause })
      }
    },
    async space() {
      // Some file systems do not tell.
      const disk = await statfs(root).catch(() => undefined)
      if (disk === undefined || disk.blocks === 0) return undefined
      return { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize }
    },
  }
}

async function writeChunks(file: FileHandle, source: FileSource, pool: BufferPool, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  for await (const chunk of source.decoded(pool)) {
    await writeAll(file, chunk)
    signal.throwIfAborted()
  }
}

/** The open file; closed, and `undefined`, if it is not a regular one. */
export async function openLocalFile(file: FileHandle): Promise<StoredFile | undefined> {
  const stats = await file.stat()
  if (!stats.isFile()) {
    await file.close()
    return undefined
  }
  return {
    bytes: stats.size,
    modifiedAt: stats.mtimeMs,
    async *read(from, to) {
      for (let at = from; at < to; ) {
        const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, to - at))
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
        if (bytesRead === 0) throw new Error('the file was truncated')
        at += bytesRead
        yield chunk.subarray(0, bytesRead)
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}
