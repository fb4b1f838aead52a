import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import type { EncodedText } from './base64-image.ts'
import { acquireBuffer, chunkBytes, release } from './buffer-pool.ts'
import { writeAll } from './durable-file.ts'

export interface BufferSpoolOptions {
  /** Bytes of encoded images that may lie in memory at a time; one on its way to a file may hold 256 KiB more. */
  maxBytes: number
  /** Folders for temporary files, the best first; the next is taken when one cannot be written. */
  spillFolders: readonly string[]
}

/** The bound on images in memory. What does not fit waits in temporary files. */
export interface BufferSpool {
  /** Bytes in memory now. */
  readonly used: number
  /** Temporary files that hold an image now. */
  readonly spilled: number
  /** Starts to keep a text that arrives in chunks. */
  open(): EncodedTextWriter
}

export interface EncodedTextWriter {
  /**
   * Keeps a copy of a chunk: one that came from a socket then dies young, and memory that is our own can be released
   * as soon as it is not needed. A promise, if given, must be awaited before the next chunk: the text is on its way to a
   * file.
   */
  write(chunk: Buffer): Promise<void> | undefined
  /** The whole text; the writer must not be used afterwards. */
  end(): Promise<EncodedText>
  /** Drops what was kept, also while a chunk is on its way to a file. */
  abort(): Promise<void>
}

export function createBufferSpool({ maxBytes, spillFolders }: BufferSpoolOptions): BufferSpool {
  let used = 0
  let spilled = 0
  const budget: Budget = {
    reserve(bytes, force) {
      if (!force && used + bytes > maxBytes) return false
      used += bytes
      return true
    },
    free(bytes) {
      used -= bytes
    },
    async spill() {
      const file = await openSpillFile(spillFolders)
      if (file !== undefined) spilled++
      return file
    },
    closed() {
      spilled--
    },
  }
  return {
    get used() {
      return used
    },
    get spilled() {
      return spilled
    },
    open: () => new SpooledText(budget),
  }
}

interface Budget {
  reserve(bytes: number, force: boolean): boolean
  free(bytes: number): void
  /** `undefined`: no folder can be written. */
  spill(): Promise<SpillFile | undefined>
  closed(): void
}

/** Bytes read back from a file at a time. */
const readBytes = 65_536
/** Bytes of text in one chunk of memory, and in one write to a file or socket: a few large writes cost less than many small ones. */
const blockBytes = chunkBytes

class SpooledText implements EncodedTextWriter, EncodedText {
  readonly #budget: Budget
  /** In memory for good, or (with a file) until the next write. */
  #blocks: Buffer[] = []
  /** Bytes that the last block still has room for. */
  #capacity = 0
  #reserved = 0
  #file: SpillFile | undefined
  #inFile = 0
  #mustStay = false
  #isReleased = false
  /** What reads the blocks for a file. */
  #flushing: Promise<void> | undefined

  constructor(budget: Budget) {
    this.#budget = budget
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#isReleased) return undefined
    const fits = this.#file === undefined && this.#budget.reserve(chunk.length, this.#mustStay)
    if (fits) this.#reserved += chunk.length
    this.#keep(chunk)
    if (fits || (this.#file !== undefined && this.#blocks.length === 1)) return undefined
    this.#flushing = this.#file === undefined ? this.#spill() : this.#flush(this.#file)
    return this.#flushing
  }

  async end(): Promise<EncodedText> {
    if (this.#file !== undefined && this.#blocks.length > 0) this.#flushing = this.#flush(this.#file)
    await this.#flushing
    return this
  }

  abort(): Promise<void> {
    return this.release()
  }

  chunks(): Iterable<Buffer> | AsyncIterable<Buffer> {
    return this.#file === undefined ? this.#chunks() : this.#read(this.#file)
  }

  async release() {
    this.#isReleased = true
    await this.#flushing?.catch(() => {})
    this.#forget()
    await this.#closeFile()
  }

  #keep(chunk: Buffer) {
    for (let from = 0; from < chunk.length; ) {
      if (this.#capacity === 0) {
        this.#blocks.push(acquireBuffer(blockBytes))
        this.#capacity = blockBytes
      }
      const copied = chunk.copy(this.#blocks.at(-1) ?? chunk, blockBytes - this.#capacity, from)
      from += copied
      this.#capacity -= copied
    }
  }

  #chunks(): Buffer[] {
    const last = this.#blocks.length - 1
    return this.#blocks.map((block, at) => (at < last ? block : block.subarray(0, blockBytes - this.#capacity)))
  }

  #forget() {
    this.#budget.free(this.#reserved)
    this.#reserved = 0
    release(this.#blocks)
    this.#blocks = []
    this.#capacity = 0
  }

  async #closeFile() {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return
    this.#budget.closed()
    await file.close()
  }

  async #spill() {
    this.#file = await this.#budget.spill()
    if (this.#file === undefined) this.#stay()
    else await this.#flush(this.#file)
  }

  async #flush(file: SpillFile) {
    const chunks = this.#chunks()
    try {
      let at = this.#inFile
      for (const chunk of chunks) {
        await writeAll(file.handle, chunk, at)
        at += chunk.length
      }
      this.#inFile = at
      this.#forget()
    } catch {
      if (!this.#isReleased) await this.#bringBack(file)
    }
  }

  /** The disk took no more: what the file has comes back into memory, before what it did not take. */
  async #bringBack(file: SpillFile) {
    const rest = this.#chunks()
    this.#blocks = []
    this.#capacity = 0
    for await (const chunk of this.#read(file)) this.#keep(chunk)
    for (const chunk of rest) this.#keep(chunk)
    release(rest)
    await this.#closeFile()
    this.#stay()
  }

  /** An image that was paid for is worth more than the bound: with no room on any disk it stays in memory. */
  #stay() {
    this.#mustStay = true
    this.#budget.free(this.#reserved)
    this.#reserved = this.#blocks.length * blockBytes - this.#capacity
    this.#budget.reserve(this.#reserved, true)
  }

  async *#read({ handle }: SpillFile) {
    for (let at = 0; at < this.#inFile; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, this.#inFile - at))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) throw new Error('a temporary file is shorter than what was written to it')
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }
}

interface SpillFile {
  handle: FileHandle
  close(): Promise<void>
}

/** Names of the service's temporary files; dot-leading, so that they are never listed as images. */
export const temporaryNamePattern = /^\.[0-9a-f]{32}\.tmp$/

export function temporaryName(): string {
  return `.${randomBytes(16).toString('hex')}.tmp`
}

async function openSpillFile(folders: readonly string[]): Promise<SpillFile | undefined> {
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants
  for (const folder of folders) {
    const name = path.join(folder, temporaryName())
    let handle: FileHandle
    try {
      handle = await open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    } catch {
      continue
    }
    // Without a name the file ends with its process, however that ends. Where an open file keeps its name, it goes later.
    const named = await unlink(name).then(
      () => false,
      () => true,
    )
    return {
      handle,
      async close() {
        await handle.close()
        if (named) await unlink(name).catch(() => {})
      },
    }
  }
  return undefined
}
