import type { Readable } from 'node:stream'

/** Replaces a line that is longer than allowed; its bytes are dropped on arrival. */
export const TOO_LONG = Symbol('a line that is too long')

const LINE_FEED = 0x0a

/** Splits a stream at its line feeds. Empty lines are skipped; a last line needs no line feed. */
export async function* readLines(input: Readable, maxBytes: number): AsyncGenerator<Buffer | typeof TOO_LONG> {
  let chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    let rest: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
      const line = finish([...chunks, rest.subarray(0, end)], length + end, maxBytes)
      if (line !== undefined) yield line
      chunks = []
      length = 0
      rest = rest.subarray(end + 1)
    }
    length += rest.length
    if (length > maxBytes) chunks = []
    else chunks.push(rest)
  }
  const line = finish(chunks, length, maxBytes)
  if (line !== undefined) yield line
}

function finish(chunks: readonly Buffer[], length: number, maxBytes: number): Buffer | typeof TOO_LONG | undefined {
  if (length > maxBytes) return TOO_LONG
  const line = Buffer.concat(chunks)
  return line.length === 0 || line.equals(CARRIAGE_RETURN) ? undefined : line
}

const CARRIAGE_RETURN = Buffer.from('\r')
