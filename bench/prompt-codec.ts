/**
 * What the driver wants of the fake Azure, written into the prompt: so it passes through every server in between
 * without any of them knowing it.
 */
export interface Order {
  /** Bytes of the image to answer with. */
  response: number
  /** Bytes of the image that must have come along; 0 for none. */
  input: number
  /** Milliseconds until the response. */
  delayMs: number
}

export function promptOf({ response, input, delayMs }: Order): string {
  return `bench:${response}:${input}:${delayMs}: a quiet harbour at dawn`
}

/** `text` is the beginning of a request, in whatever shape it came. */
export function readOrder(text: string): Order | undefined {
  const [, response, input, delayMs] = /bench:(\d+):(\d+):(\d+):/.exec(text) ?? []
  if (response === undefined) return undefined
  return { response: Number(response), input: Number(input), delayMs: Number(delayMs) }
}
