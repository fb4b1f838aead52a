import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import type { EncodedText } from './encoded-image.ts'

export interface HeldBytesOptions {
  /** Bytes of encoded pictures that may lie in memory at a time; one on its way to a file may hold 256 KiB more. */
  maxBytes: number
  /** Folders for temporary files, the best first; the next is taken when one cannot be written. */
  spillFolders: readonly string[]
}

/** The bound on pictures in memory. What does not fit waits in temporary files. */
export interface HeldBytes {
  /** Bytes in memory now. */
  readonly used: number
  /** Temporary files that hold a picture now. */
  readonly spilled: number
  /** Starts to keep a text that arrives in pieces. */
  open(): EncodedTextWriter
}

export interface EncodedTextWriter {
  /**
   * Keeps a piece (the Buffer itself, not a copy). A promise, if given, must be awaited before the next piece: the text
   * is on its way to a file.
   */
  write(piece: Buffer): Promise<void> | undefined
  /** The whole text; the writer must not be used afterwards. */
  end(): Promise<EncodedText>
  /** Drops what was kept, also while a piece is on its way to a file. */
  abort(): Promise<void>
}

export function createHeldBytes({ maxBytes, spillFolders }: HeldBytesOptions): HeldBytes {
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
    open: () => new HeldText(budget),
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
/** Bytes gathered before they are written to a file: a few large writes cost less than many small ones. */
const writeBytes = 262_144

class HeldText implements EncodedTextWriter, EncodedText {
  readonly #budget: Budget
  /** In memory for good, or (with a file) until the next write. */
  #pieces: Buffer[] = []
  #gathered = 0
  #reserved = 0
  #file: SpillFile | undefined
  #inFile = 0
  #mustStay = false
  #isReleased = false

  constructor(budget: Budget) {
    this.#budget = budget
  }

  write(piece: Buffer): Promise<void> | undefined {
    if (this.#isReleased) return undefined
    if (this.#file === undefined) {
      const fits = this.#budget.reserve(piece.length, this.#mustStay)
      if (fits) this.#reserved += piece.length
      this.#gather(piece)
      return fits ? undefined : this.#spill()
    }
    this.#gather(piece)
    return this.#gathered < writeBytes ? undefined : this.#flush(this.#file)
  }

  async end(): Promise<EncodedText> {
    if (this.#file !== undefined && this.#gathered > 0) await this.#flush(this.#file)
    return this
  }

  abort(): Promise<void> {
    return this.release()
  }

  chunks(): Iterable<Buffer> | AsyncIterable<Buffer> {
    return this.#file === undefined ? this.#pieces : this.#read(this.#file)
  }

  async release() {
    this.#isReleased = true
    this.#forget()
    await this.#closeFile()
  }

  #gather(piece: Buffer) {
    this.#pieces.push(piece)
    this.#gathered += piece.length
  }

  #forget() {
    this.#budget.free(this.#reserved)
    this.#reserved = 0
    this.#gathered = 0
    this.#pieces = []
  }

  async #closeFile() {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return
    this.#budget.closed()
    await file.close()
  }

  async #spill() {
    const file = await this.#budget.spill()
    this.#file = file
    if (file === undefined) this.#stay(this.#pieces)
    else if (this.#isReleased) await this.#closeFile()
    else await this.#flush(file)
  }

  async #flush(file: SpillFile) {
    const block = Buffer.concat(this.#pieces)
    try {
      await writeAll(file.handle, block, this.#inFile)
      if (this.#isReleased) return
      this.#inFile += block.length
      this.#forget()
    } catch {
      if (!this.#isReleased) await this.#bringBack(file, block)
    }
  }

  /** The disk took no more: what the file has comes back into memory. */
  async #bringBack(file: SpillFile, block: Buffer) {
    const pieces: Buffer[] = []
    for await (const chunk of this.#read(file)) pieces.push(chunk)
    await this.#closeFile()
    if (!this.#isReleased) this.#stay([...pieces, block])
  }

  /** A picture that was paid for is worth more than the bound: with no room on any disk it stays in memory. */
  #stay(pieces: Buffer[]) {
    this.#forget()
    this.#mustStay = true
    for (const piece of pieces) {
      this.#budget.reserve(piece.length, true)
      this.#reserved += piece.length
      this.#gather(piece)
    }
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

/** Names of the service's temporary files; dot-leading, so that they are never listed as pictures. */
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

async function writeAll(handle: FileHandle, block: Buffer, position: number): Promise<void> {
  for (let from = 0; from < block.length; ) {
    const { bytesWritten } = await handle.write(block, from, block.length - from, position + from)
    from += bytesWritten
  }
}
