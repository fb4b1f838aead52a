import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { type BufferPool, createBufferPool, MIN_POOLED_BYTES, type PooledBuffer } from './buffer-pool.ts'
import { temporaryName, writeAll } from './durable-file.ts'

export interface BufferSpoolOptions {
  /** Bytes of encoded images that may be in memory at a time; one on its way to a file may take 256 KiB more. */
  maxBytes: number
  /** Folders for temporary files in order of preference; the next one is used where one is not writable. */
  spillFolders: readonly string[]
  pool?: BufferPool
}

/** The bound on images in memory. What exceeds it waits in temporary files. */
export interface BufferSpool {
  /** Bytes in memory now. */
  readonly used: number
  /** Temporary files that contain an image now. */
  readonly spilled: number
  /** Starts to buffer a text that arrives in chunks. */
  open(): EncodedTextWriter
}

/** Base64 text in memory or in a file. Disposing it frees both. */
export interface EncodedText extends AsyncDisposable {
  /** The text in order; may be called more than once. */
  chunks(): Iterable<Buffer> | AsyncIterable<Buffer>
  [Symbol.asyncDispose](): Promise<void>
}

/** Disposing it drops what was written, also while a chunk is on its way to a file. Not to be disposed after `end`. */
export interface EncodedTextWriter extends AsyncDisposable {
  /**
   * Buffers a copy of a chunk: the socket's own buffer then dies young, and the copy is in memory that is reused. A
   * promise, if returned, must be awaited before the next chunk: the text is on its way to a file.
   */
  write(chunk: Buffer): Promise<void> | undefined
  /** The complete text, which the caller owns from now on. The writer must not be used afterwards. */
  end(): Promise<EncodedText>
}

export function createBufferSpool(options: BufferSpoolOptions): BufferSpool {
  const state: SpoolState = { pool: createBufferPool(), ...options, used: 0, spilled: 0 }
  return {
    get used() {
      return state.used
    },
    get spilled() {
      return state.spilled
    },
    open: () => new SpooledText(state),
  }
}

/** Shared by all texts of a spool. */
interface SpoolState extends Required<BufferSpoolOptions> {
  used: number
  spilled: number
}

/** Bytes read back from a file at a time. */
const READ_BYTES = 65_536
/** Bytes of text in one block of memory, and in one write to a file or socket: few large writes cost less than many small ones. */
const BLOCK_BYTES = MIN_POOLED_BYTES

class SpooledText implements EncodedTextWriter, EncodedText {
  readonly #spool: SpoolState
  /** In memory for good, or (with a file) until the next write. */
  #blocks: PooledBuffer[] = []
  /** Free bytes in the last block. */
  #capacity = 0
  #reserved = 0
  #file: SpillFile | undefined
  #inFile = 0
  #mustStay = false
  #isDisposed = false
  /** A write of the blocks to the file, during which their memory must not be returned. */
  #flushing: Promise<void> | undefined

  constructor(spool: SpoolState) {
    this.#spool = spool
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#isDisposed) return undefined
    const { used, maxBytes } = this.#spool
    const fits = this.#file === undefined && (this.#mustStay || used + chunk.length <= maxBytes)
    if (fits) this.#reserve(this.#reserved + chunk.length)
    this.#append(chunk)
    if (fits || (this.#file !== undefined && this.#blocks.length === 1)) return undefined
    this.#flushing = this.#file === undefined ? this.#spill() : this.#flush(this.#file)
    return this.#flushing
  }

  async end(): Promise<EncodedText> {
    if (this.#file !== undefined && this.#blocks.length > 0) this.#flushing = this.#flush(this.#file)
    await this.#flushing
    return this
  }

  chunks(): Iterable<Buffer> | AsyncIterable<Buffer> {
    return this.#file === undefined ? this.#inMemory() : this.#read(this.#file)
  }

  async [Symbol.asyncDispose]() {
    this.#isDisposed = true
    await this.#flushing?.catch(() => {})
    this.#freeBlocks()
    await this.#closeFile()
  }

  #append(chunk: Buffer) {
    for (let from = 0; from < chunk.length; ) {
      if (this.#capacity === 0) {
        this.#blocks.push(this.#spool.pool.acquire(BLOCK_BYTES))
        this.#capacity = BLOCK_BYTES
      }
      const copied = chunk.copy(this.#blocks.at(-1)?.bytes ?? chunk, BLOCK_BYTES - this.#capacity, from)
      from += copied
      this.#capacity -= copied
    }
  }

  #inMemory(): Buffer[] {
    const last = this.#blocks.length - 1
    return this.#blocks.map(({ bytes }, at) => (at < last ? bytes : bytes.subarray(0, BLOCK_BYTES - this.#capacity)))
  }

  /** The blocks leave this text without being freed. */
  #takeBlocks(): PooledBuffer[] {
    const blocks = this.#blocks
    this.#blocks = []
    this.#capacity = 0
    return blocks
  }

  #reserve(bytes: number) {
    this.#spool.used += bytes - this.#reserved
    this.#reserved = bytes
  }

  #freeBlocks() {
    this.#reserve(0)
    for (const block of this.#takeBlocks()) block[Symbol.dispose]()
  }

  async #closeFile() {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return
    this.#spool.spilled--
    await file[Symbol.asyncDispose]()
  }

  async #spill() {
    this.#file = await openSpillFile(this.#spool.spillFolders)
    if (this.#file === undefined) return this.#stay()
    this.#spool.spilled++
    await this.#flush(this.#file)
  }

  async #flush(file: SpillFile) {
    const chunks = this.#inMemory()
    try {
      let at = this.#inFile
      for (const chunk of chunks) {
        await writeAll(file.handle, chunk, at)
        at += chunk.length
      }
      this.#inFile = at
      this.#freeBlocks()
    } catch {
      if (!this.#isDisposed) await this.#readBack(file)
    }
  }

  /** The disk is full: what is in the file returns to memory, before the blocks that the file did not take. */
  async #readBack(file: SpillFile) {
    const rest = this.#inMemory()
    const blocks = this.#takeBlocks()
    for await (const chunk of this.#read(file)) this.#append(chunk)
    for (const chunk of rest) this.#append(chunk)
    for (const block of blocks) block[Symbol.dispose]()
    await this.#closeFile()
    this.#stay()
  }

  /** A paid image is worth more than the bound: where no disk takes it, it stays in memory. */
  #stay() {
    this.#mustStay = true
    this.#reserve(this.#blocks.length * BLOCK_BYTES - this.#capacity)
  }

  async *#read({ handle }: SpillFile) {
    for (let at = 0; at < this.#inFile; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.#inFile - at))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) throw new Error('a temporary file is shorter than what was written to it')
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }
}

interface SpillFile extends AsyncDisposable {
  handle: FileHandle
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
    // Without a name the file ends with its process, however that ends. Windows keeps the name of an open file.
    const isNamed = await unlink(name).then(
      () => false,
      () => true,
    )
    return {
      handle,
      async [Symbol.asyncDispose]() {
        await handle.close()
        if (isNamed) await unlink(name).catch(() => {})
      },
    }
  }
  return undefined
}
