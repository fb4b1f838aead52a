import { once } from 'node:events'
import { join } from 'node:path'
import pino from 'pino'
import { hideAddresses } from './redaction.ts'

/** Log files are rotated daily and at this size, so that a noisy day cannot fill a disk. */
const FILE_SIZE = '20m'
const LOG_FILES = 14

/** Lines are written in groups: for a pipe or a file, one line costs as much as fifty, and more than a small request. */
const groups = {
  minLength: 65_536,
  // One write's limit must be above the size of a group.
  maxWrite: 131_072,
}
const FLUSH_MS = 50
/** Bytes buffered for a reader that does not read; more are dropped. */
const MAX_BUFFERED_BYTES = 33_554_432

/** Takes finished lines; a pino destination, or any writable stream. */
export interface LogDestination {
  write(line: string): void
  flushSync?(): void
}

export interface LogOutputOptions {
  /** `auto` is readable text on a terminal, JSON elsewhere. */
  format: 'auto' | 'json' | 'pretty'
  /** Of the daily files; none by default. */
  folder: string | undefined
  destination: LogDestination
  /** `destination` is a terminal. */
  isTerminal: boolean
}

/** Where log lines go: the destination, and daily files with `LOG_DIR`. */
export interface LogOutput {
  write(line: string): void
  /** Writes buffered lines, before the process exits. */
  flush(): void
  /** Closes the files. */
  close(): Promise<void>
  /** Why there are no files although `LOG_DIR` is set. */
  fileError: unknown
}

/** Standard output for a server: buffered for at most 50 ms. pino flushes it on exit. */
export const bufferedStdout = (): LogDestination =>
  pino.destination({
    dest: 1,
    sync: false,
    ...groups,
    maxLength: MAX_BUFFERED_BYTES,
    periodicFlush: FLUSH_MS,
  })

/** Standard error for a process that a client started: written at once. */
export const stderr = (): LogDestination => pino.destination({ dest: 2, sync: true })

/** All in this process: worker threads would need more rights than the container's permission flags grant. */
export async function openLogOutput({ format, folder, destination, isTerminal }: LogOutputOptions): Promise<LogOutput> {
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const console = isPretty ? await prettify(destination, isTerminal) : destination
  const opened = await openFiles(folder)
  let { files } = opened
  const timer = files && setInterval(() => files?.flush(), FLUSH_MS).unref()
  return {
    write(line) {
      const redacted = hideAddresses(line)
      console.write(redacted)
      files?.write(redacted)
    },
    flush() {
      destination.flushSync?.()
      files?.flushSync()
    },
    async close() {
      clearInterval(timer)
      destination.flushSync?.()
      const closing = files
      files = undefined
      if (closing === undefined) return
      // An error, as of a full disk, must not keep the service from closing.
      const closed = once(closing, 'close').catch(() => undefined)
      closing.end()
      await closed
    },
    fileError: opened.fileError,
  }
}

/** Loaded only if needed, as is pino-roll: each takes time at start-up, and memory. */
async function prettify(destination: LogDestination, colorize: boolean): Promise<LogDestination> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ destination, colorize, sync: true })
}

async function openFiles(folder: string | undefined) {
  if (folder === undefined) return { files: undefined, fileError: undefined }
  try {
    const { default: roll } = await import('pino-roll')
    const files = await roll({
      file: join(folder, 'azure-image-editor'),
      extension: '.log',
      frequency: 'daily',
      dateFormat: 'yyyy-MM-dd',
      size: FILE_SIZE,
      limit: { count: LOG_FILES, removeOtherLogFiles: true },
      mkdir: true,
      // Opened synchronously, because a file that fails to open later throws in the timer of `periodicFlush`.
      sync: true,
      ...groups,
    })
    // A disk that fills up later must not stop the service; stdout still has every line.
    files.on('error', () => {})
    // Rejects if the file could not be opened; every write would throw.
    await once(files, 'ready')
    return { files, fileError: undefined }
  } catch (fileError) {
    return { files: undefined, fileError }
  }
}
