import type { Logger } from '../logging/logger.ts'

/** The time from the arrival of a request to the end of its response and of all work for it, and what is owned until then. */
export class Lifecycle {
  readonly #log: Logger
  /** The response, and work that may outlast it. */
  #running = 1
  #scope: AsyncDisposableStack | undefined
  #isForceClosed = false
  #onForceClose: (() => void) | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** What is disposed when the response and all work have ended; created when it is first read. */
  get scope(): AsyncDisposableStack {
    this.#scope ??= new AsyncDisposableStack()
    return this.#scope
  }

  get hasEnded(): boolean {
    return this.#running === 0
  }

  /** Registers what sends the response at once when the grace period of the shutdown is over. */
  onForceClose(callback: () => void): void {
    this.#onForceClose = callback
    if (this.#isForceClosed) callback()
  }

  forceClose(): void {
    this.#isForceClosed = true
    this.#onForceClose?.()
  }

  begin(): void {
    this.#running++
  }

  end(): void {
    this.#running--
    if (this.#running > 0 || this.#scope === undefined) return
    const scope = this.#scope
    this.#scope = undefined
    scope.disposeAsync().catch((err: unknown) => this.#log.warn({ err }, 'image buffer release failed'))
  }
}
