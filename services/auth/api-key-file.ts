import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Logger } from '../logging/logger.ts'
import { type ApiKey, parseApiKeys } from './api-keys.ts'

/** Keys that may change while the service runs. */
export interface KeySource {
  readonly keys: readonly ApiKey[]
  close(): void
}

export interface KeyFileOptions {
  path: string
  /** What the file said at the start. */
  keys: readonly ApiKey[]
  log: Logger
  /** Milliseconds between looks at the file. */
  pollMs?: number
}

/** Large enough for every key that is allowed, and a bound for a path that is no key file at all. */
const MAX_FILE_BYTES = 1_048_576

/**
 * Follows a file of keys. Polled by its path, because mounted secrets are replaced through links, which file events
 * miss. A file that is gone or wrong leaves the keys as they were: an operator's slip must lock nobody out and let
 * nobody in.
 */
export function followKeyFile({ path, keys, log, pollMs = 2_000 }: KeyFileOptions): KeySource {
  let current = keys

  function reload(): void {
    try {
      const text = readFileSync(path, 'utf8')
      if (text.length > MAX_FILE_BYTES) throw new RangeError(`is larger than ${MAX_FILE_BYTES} bytes`)
      current = parseApiKeys(text)
      log.info({ keys: current.length }, 'key file reloaded')
    } catch (err) {
      // The parser names an entry by its place, never by its text.
      const reason = err instanceof RangeError ? err.message : undefined
      log.error({ err, reason }, 'key file is not usable, the keys stay as they were')
    }
  }

  watchFile(path, { interval: pollMs, persistent: false }, reload)
  return {
    get keys() {
      return current
    },
    close: () => unwatchFile(path, reload),
  }
}
