/** Instructions for the fake Azure. They travel in the prompt, which every measured server forwards unchanged. */
export interface Directive {
  /** Bytes of the image to return. */
  response: number
  /** Bytes of the expected input image; 0 for none. */
  input: number
  /** Delay of the response in milliseconds. */
  delayMs: number
  /** A call with its own is no repetition of another one, whose image may have been deleted since. */
  scene?: string
}

export function formatPrompt({ response, input, delayMs, scene = 'a quiet harbour at dawn' }: Directive): string {
  return `bench:${response}:${input}:${delayMs}: ${scene}`
}

/** Finds the directive in the beginning of a request body, JSON or form. */
export function parsePrompt(text: string): Directive | undefined {
  const [, response, input, delayMs] = /bench:(\d+):(\d+):(\d+):/.exec(text) ?? []
  if (response === undefined) return undefined
  return { response: Number(response), input: Number(input), delayMs: Number(delayMs) }
}
