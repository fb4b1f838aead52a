/** A span as a collector receives it. */
export interface ReceivedSpan {
  name: string
  /** As in OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number
  traceId: string
  spanId: string
  parentSpanId: string
  attributes: Record<string, string | number>
  events: readonly string[]
  links: readonly { traceId: string; spanId: string }[]
  isError: boolean
  statusMessage: string
}

export interface Batch {
  resource: Record<string, string | number>
  spans: ReceivedSpan[]
}

/**
 * Reads requests of collectors by the field numbers of the specification
 * (https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto), without the
 * library that writes them.
 */
export function readTraceRequest(body: Buffer): Batch[] {
  return parts(body, 1).map((resourceSpans) => ({
    resource: attributesOf(parts(resourceSpans, 1).flatMap((resource) => parts(resource, 1))),
    spans: parts(resourceSpans, 2).flatMap((scope) => parts(scope, 2).map(readSpan)),
  }))
}

type Field = { number: number; bytes: Buffer; value: bigint }

/** https://protobuf.dev/programming-guides/encoding */
function* fields(message: Buffer): Generator<Field> {
  let at = 0
  function varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const empty = Buffer.alloc(0)
  while (at < message.length) {
    const tag = Number(varint())
    const field: Field = { number: tag >> 3, bytes: empty, value: 0n }
    switch (tag & 7) {
      case 0:
        field.value = varint()
        break
      case 1:
        field.value = message.readBigUInt64LE(at)
        field.bytes = message.subarray(at, at + 8)
        at += 8
        break
      case 2: {
        const length = Number(varint())
        field.bytes = message.subarray(at, at + length)
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new Error('unknown wire type')
    }
    yield field
  }
}

const all = (message: Buffer, number: number) => [...fields(message)].filter((field) => field.number === number)
const parts = (message: Buffer, number: number) => all(message, number).map(({ bytes }) => bytes)
const text = (message: Buffer, number: number) => parts(message, number)[0]?.toString() ?? ''
const hex = (message: Buffer, number: number) => parts(message, number)[0]?.toString('hex') ?? ''
const whole = (message: Buffer, number: number) => all(message, number)[0]?.value ?? 0n

function attributesOf(attributes: readonly Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map((attribute) => {
      const [value] = fields(parts(attribute, 2)[0] ?? Buffer.alloc(0))
      return [text(attribute, 1), value === undefined ? '' : readValue(value)]
    }),
  )
}

function readValue({ number, bytes, value }: Field): string | number {
  if (number === 1) return bytes.toString()
  return number === 4 ? bytes.readDoubleLE() : Number(value)
}

function readSpan(span: Buffer): ReceivedSpan {
  const [status = Buffer.alloc(0)] = parts(span, 15)
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    name: text(span, 5),
    kind: Number(whole(span, 6)),
    attributes: attributesOf(parts(span, 9)),
    events: parts(span, 11).map((event) => text(event, 2)),
    links: parts(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
    isError: whole(status, 3) === 2n,
    statusMessage: text(status, 2),
  }
}
