/**
 * A question whose response is good for a while: it is asked once, however many want to know, and not again before `forMs`
 * are over. A failed one is asked again.
 * @param now milliseconds on a clock that never jumps
 */
export function cachePromise<T>(ask: () => Promise<T>, forMs: number, now = () => performance.now()): () => Promise<T> {
  let response: Promise<T> | undefined
  let endsAt = Number.POSITIVE_INFINITY

  async function askAnew(): Promise<T> {
    try {
      const found = await ask()
      endsAt = now() + forMs
      return found
    } catch (error) {
      response = undefined
      throw error
    }
  }

  return function cached() {
    if (response === undefined || now() >= endsAt) {
      endsAt = Number.POSITIVE_INFINITY
      response = askAnew()
    }
    return response
  }
}
