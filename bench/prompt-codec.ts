/**
 * What the driver wants of the fake Azure, written into the prompt: so it passes through every server in between
 * without any of them knowing it.
 */
export interface Order {
  /** Bytes of the picture to answer with. */
  answer: number
  /** Bytes of the picture that must have come along; 0 for none. */
  input: number
  /** Milliseconds until the answer. */
  delayMs: number
}

export function promptOf({ answer, input, delayMs }: Order): string {
  return `bench:${answer}:${input}:${delayMs}: a quiet harbour at dawn`
}

/** `text` is the beginning of a request, in whatever shape it came. */
export function readOrder(text: string): Order | undefined {
  const [, answer, input, delayMs] = /bench:(\d+):(\d+):(\d+):/.exec(text) ?? []
  if (answer === undefined) return undefined
  return { answer: Number(answer), input: Number(input), delayMs: Number(delayMs) }
}
