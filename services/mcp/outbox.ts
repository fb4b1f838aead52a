/** Sends one notification; resolves when the connection has taken it. */
export type Send = () => Promise<unknown>

export interface Outbox {
  /** What is added under a key before its notification was sent is sent once. */
  add(key: string, send: Send): void
}

/**
 * Collects what is to be sent, so that a burst of changes is one notification and a slow reader costs no memory: a key has one
 * place. Sends in batches, one notification after another, until the signal fires.
 * @param everyMs milliseconds from the first change to the batch that has it
 */
export function createOutbox(everyMs: number, signal: AbortSignal, onFailed: (error: unknown) => void): Outbox {
  const waiting = new Map<string, Send>()
  let timer: NodeJS.Timeout | undefined

  async function sendBatch(): Promise<void> {
    const batch = [...waiting.values()]
    waiting.clear()
    for (const send of batch) {
      if (signal.aborted) return
      await send().catch(onFailed)
    }
    timer = undefined
    schedule()
  }
  function schedule(): void {
    if (waiting.size > 0 && !signal.aborted) timer ??= setTimeout(sendBatch, everyMs).unref()
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  return {
    add(key, send) {
      if (signal.aborted) return
      waiting.set(key, send)
      schedule()
    },
  }
}
