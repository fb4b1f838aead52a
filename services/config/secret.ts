import { inspect } from 'node:util'

/** A value that no log line, JSON text or error shows: only `reveal()` returns it. */
export class Secret {
  readonly #value: string
  /** The file that it was read from; follow it to notice a rotated secret. */
  readonly file: string | undefined

  constructor(value: string, file?: string) {
    this.#value = value
    this.file = file
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }
}
