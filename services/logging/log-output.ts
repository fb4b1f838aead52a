import { once } from 'node:events'
import { join } from 'node:path'
import pino from 'pino'
import { hideAddresses } from './redaction.ts'

/** Log files are rotated daily and at this size, so that a noisy day cannot fill a disk. */
const FILE_SIZE = '20m'
const LOG_FILES = 14

/** Bytes buffered for a reader that does not read, or a full disk; more are dropped. */
const MAX_BUFFERED_BYTES = 33_554_432

/** Lines are written in groups: for a pipe or a file, one line costs as much as fifty, and more than a small request. */
const groups = {
  minLength: 65_536,
  // One write's limit must be above the size of a group.
  maxWrite: 131_072,
  maxLength: MAX_BUFFERED_BYTES,
}
const FLUSH_MS = 50
/** Milliseconds between attempts to open the files of a folder that was not writable. */
const RETRY_MS = 1_000

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
  /** Why there are no files yet although `LOG_DIR` is set. */
  fileError: unknown
  /** Resolves when the files could be opened after all, because the folder became writable. */
  filesOpened: Promise<void>
}

/** Standard output for a server: buffered for at most 50 ms. pino flushes it on exit. */
export const bufferedStdout = (): LogDestination =>
  pino.destination({
    dest: 1,
    sync: false,
    ...groups,
    periodicFlush: FLUSH_MS,
  })

/** Standard error for a process that a client started: written at once. */
export const stderr = (): LogDestination => pino.destination({ dest: 2, sync: true })

/** All in this process: worker threads would need more rights than the container's permission flags grant. */
export async function openLogOutput({ format, folder, destination, isTerminal }: LogOutputOptions): Promise<LogOutput> {
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const console = isPretty ? await prettify(destination, isTerminal) : destination
  const filesOpened = Promise.withResolvers<void>()
  let files: LogFiles | undefined
  let fileError: unknown
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function open(path: string): Promise<void> {
    try {
      const opened = await openFiles(path)
      if (isClosed) return void opened.end()
      files = opened
      timer = setInterval(() => files?.flush(), FLUSH_MS).unref()
      filesOpened.resolve()
    } catch (error) {
      fileError = error
      if (!isClosed) timer = setTimeout(open, RETRY_MS, path).unref()
    }
  }

  if (folder !== undefined) await open(folder)
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
      isClosed = true
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
    fileError,
    filesOpened: filesOpened.promise,
  }
}

/** Loaded only if needed, as is pino-roll: each takes time at start-up, and memory. */
async function prettify(destination: LogDestination, colorize: boolean): Promise<LogDestination> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ destination, colorize, sync: true })
}

type LogFiles = Awaited<ReturnType<typeof openFiles>>

/** @throws the error of the system if the folder is not writable */
async function openFiles(folder: string) {
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
  return files
}
