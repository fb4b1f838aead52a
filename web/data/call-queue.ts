/**
 * Runs at most `width` tasks at once, the newest first: what came into view last is looked at. A task whose signal is
 * aborted before its turn never starts.
 */
export function createCallQueue(width: number) {
  const waiting: (() => void)[] = []
  let running = 0

  async function turn(signal: AbortSignal | undefined): Promise<void> {
    if (running < width) {
      running++
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      const at = waiting.indexOf(resolve)
      // Otherwise its turn has come meanwhile.
      if (at >= 0) waiting.splice(at, 1)
      if (at >= 0) reject(signal?.reason)
    }
    waiting.push(resolve)
    signal?.addEventListener('abort', onAbort, { once: true })
    await promise
    signal?.removeEventListener('abort', onAbort)
  }

  return async function run<Result>(task: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted()
    await turn(signal)
    try {
      return await task()
    } finally {
      const next = waiting.pop()
      if (next === undefined) running--
      else next()
    }
  }
}
