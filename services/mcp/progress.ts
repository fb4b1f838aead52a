import type { JsonRpcNotification, RequestId } from '../../schemas/json-rpc.ts'

export interface Progress {
  /** Tells the caller where the work stands, and says so again from time to time until the next report. */
  report(message: string): void
  /** Ends the repetition; nothing is sent afterwards. */
  stop(): void
}

export interface ProgressOptions {
  /** What the caller wants its notifications marked with. Without one nothing is sent. */
  token: RequestId | undefined
  notify: ((notification: JsonRpcNotification) => void) | undefined
  /** Milliseconds of silence after which the last message is repeated, so that clients do not give up waiting. */
  repeatMs: number
  /** Whether the caller's revision has a text in notifications. */
  withMessage: boolean
}

/**
 * Progress notifications of one request. The value counts notifications, because it must rise with each and nobody
 * knows how long an image takes. https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress
 */
export function createProgress({ token, notify, repeatMs, withMessage }: ProgressOptions): Progress {
  if (token === undefined || notify === undefined) return { report: () => {}, stop: () => {} }
  const startedAt = performance.now()
  let progress = 0
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function send(message: string): void {
    progress += 1
    const params = { progressToken: token, progress, ...(withMessage ? { message } : {}) }
    notify?.({ jsonrpc: '2.0', method: 'notifications/progress', params })
  }

  function repeat(message: string): void {
    clearInterval(timer)
    timer = setInterval(() => {
      send(`${message} (${Math.round((performance.now() - startedAt) / 1000)} s)`)
    }, repeatMs)
    timer.unref()
  }

  // Work that never reports is still seen to live.
  repeat('working')
  return {
    report(message) {
      if (stopped) return
      send(message)
      repeat(message)
    },
    stop: () => {
      stopped = true
      clearInterval(timer)
    },
  }
}
