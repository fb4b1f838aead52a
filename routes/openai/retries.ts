import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../services/auth/authenticator.ts'

interface RequestFacts {
  headers: IncomingHttpHeaders
  caller: Pick<Caller, 'id'>
}

/** Which requests repeat one that their client got no response to. */
export interface Retries {
  /** True: it is one. False: the client would say so. Undefined: its client never says. */
  isRetry(request: RequestFacts): boolean | undefined
  /** The caller of a request got an error after which clients repeat it. */
  noteError(request: RequestFacts): void
}

/**
 * OpenAI's clients send it with every request, 0 with the first one of a call:
 * https://github.com/openai/openai-node (src/client.ts), https://github.com/openai/openai-python (_base_client.py)
 */
const RETRY_COUNT = 'x-stainless-retry-count'

/** No error makes a client of OpenAI's wait longer for its repetition. */
const ERRORS_COUNT_FOR_MS = 70_000

/** @param now milliseconds on a clock that never jumps */
export function createRetries(now = () => performance.now()): Retries {
  /** By caller, the oldest first. */
  const errors = new Map<string, number>()

  function forgetOldErrors(): void {
    for (const [caller, at] of errors) {
      if (now() - at < ERRORS_COUNT_FOR_MS) return
      errors.delete(caller)
    }
  }

  return {
    isRetry({ headers, caller }) {
      const count = headers[RETRY_COUNT]
      if (count === undefined) return undefined
      forgetOldErrors()
      // A repetition after an error says nothing of an identical request that succeeded.
      return /^[1-9]\d{0,3}$/.test(String(count)) && !errors.has(caller.id)
    },
    noteError({ caller }) {
      forgetOldErrors()
      errors.delete(caller.id)
      errors.set(caller.id, now())
    },
  }
}
