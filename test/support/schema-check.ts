import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { messageErrors } from './mcp-schema.ts'

const VERSIONS: ReadonlySet<string> = new Set(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'])

/**
 * Checks every JSON-RPC message of an app against the official schema of its revision, in every test. `faults` grows as
 * responses are sent.
 */
export function checkSchema(app: FastifyInstance): { faults: string[] } {
  const faults: string[] = []
  app.addHook('onSend', async function watch(request, _reply, payload) {
    if (!isRpc(request)) return payload
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) {
      judge(request, JSON.parse(payload.toString()), faults)
      return payload
    }
    return payload instanceof Readable ? tap(payload, (text) => judgeText(request, text, faults)) : payload
  })
  return { faults }
}

function isRpc({ method, routeOptions: { url } }: FastifyRequest): boolean {
  return (url === '/' && method === 'POST') || url === '/mcp'
}

function tap(payload: Readable, done: (text: string) => void): Readable {
  async function* copy() {
    const chunks: Buffer[] = []
    for await (const chunk of payload) {
      chunks.push(chunk)
      yield chunk
    }
    done(Buffer.concat(chunks).toString())
  }
  return Readable.from(copy(), { objectMode: false })
}

function judgeText(request: FastifyRequest, text: string, faults: string[]): void {
  for (const json of isJson(text) ? [text] : eventData(text)) judge(request, JSON.parse(json), faults)
}

const isJson = (text: string) => text.startsWith('{') || text.startsWith('[')

/** The data of every event; ours have one line each. */
function eventData(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => line.slice('data: '.length))
}

function judge(request: FastifyRequest, said: unknown, faults: string[]): void {
  const asked = Array.isArray(request.body) ? request.body : [request.body]
  for (const message of Array.isArray(said) ? said : [said]) {
    const question = asked.find((candidate) => Object(candidate).id === Object(message).id)
    const method = typeof Object(question).method === 'string' ? String(Object(question).method) : undefined
    for (const fault of messageErrors(versionOf(request, message), method, message)) {
      faults.push(`${method ?? 'unreadable'}: ${fault}`)
    }
  }
}

/** As the contract has it: `_meta`, the header, the response of a handshake, else 2025-03-26. */
function versionOf(request: FastifyRequest, message: unknown): string {
  const { result } = Object(message)
  const meta = Object(Object(Object(request.body).params)._meta)
  const named = [
    Object(result).protocolVersion,
    meta['io.modelcontextprotocol/protocolVersion'],
    request.headers['mcp-protocol-version'],
  ].find((version) => typeof version === 'string')
  if (named === undefined) return '2025-03-26'
  if (VERSIONS.has(named)) return named
  return meta['io.modelcontextprotocol/protocolVersion'] === undefined ? '2025-03-26' : '2026-07-28'
}
