import { InvalidValueError } from '../errors/app-error.ts'
import type { Logger } from '../logging/logger.ts'
import { followFile } from '../net/follow-file.ts'
import { type ApiKey, parseApiKeys } from './api-keys.ts'

/** Keys that may change while the service runs. */
export interface KeySource {
  readonly keys: readonly ApiKey[]
  close(): void
}

export interface KeyFileOptions {
  path: string
  /** Reads the file as at start-up. @throws Error with a system code, or InvalidValueError with the reason */
  read(path: string): string
  /** The keys of the file at start-up. */
  keys: readonly ApiKey[]
  log: Logger
  /** Milliseconds between checks of the file. */
  pollMs?: number
}

/** Shorter keys can be guessed. */
const WEAK_KEY_LENGTH = 16

/** The configured keys, which follow their file if they came from one. Warns of keys that can be guessed. */
export function openApiKeys(
  keys: readonly ApiKey[],
  file: Pick<KeyFileOptions, 'path' | 'read'> | undefined,
  log: Logger,
): KeySource {
  warnOfWeakKeys(keys, log)
  return file === undefined ? { keys, close() {} } : followKeyFile({ ...file, keys, log })
}

/**
 * Reloads a file of keys when it changes. While it is missing or invalid the previous keys stay valid: a mistake of an
 * operator must neither lock callers out nor let others in.
 */
export function followKeyFile({ path, read, keys, log, pollMs = 2_000 }: KeyFileOptions): KeySource {
  let current = keys

  function reload(): void {
    try {
      current = parseApiKeys(read(path))
      warnOfWeakKeys(current, log)
      log.info({ keys: current.length }, 'key file reloaded')
    } catch (err) {
      // An InvalidValueError names an entry by its position, never by its text.
      const reason = err instanceof InvalidValueError ? err.message : undefined
      log.error({ code: 'IMG_ERR_SECRET_FILE', err, reason }, 'key file unusable, previous keys stay valid')
    }
  }

  const close = followFile(path, pollMs, reload)
  return {
    get keys() {
      return current
    },
    close,
  }
}

function warnOfWeakKeys(keys: readonly ApiKey[], log: Logger): void {
  for (const { name, length } of keys) {
    if (length < WEAK_KEY_LENGTH) log.warn({ name }, `api key is shorter than ${WEAK_KEY_LENGTH} characters`)
  }
}
