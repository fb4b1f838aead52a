import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { JsonRpcNotification, JsonRpcRequest } from '../../schemas/json-rpc.ts'
import type { TellClient } from '../../services/logging/client-line.ts'
import type { HandshakeClient, KnownClient, McpContext, McpHeaders } from '../../services/mcp/types.ts'
import { HttpContext, type HttpContextOptions } from '../shared/context.ts'
import { single } from '../shared/request-headers.ts'

/** The context of a JSON-RPC message over HTTP. */
export class RpcContext extends HttpContext implements McpContext {
  tell: TellClient | undefined
  ask: ((request: JsonRpcRequest) => void) | undefined
  notify: ((notification: JsonRpcNotification) => Promise<unknown>) | undefined
  readonly #headers: FastifyRequest['headers']
  readonly #reply: FastifyReply
  readonly #sessions: FastifyInstance['sessions']
  #client: KnownClient | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, options: HttpContextOptions) {
    super(request, reply, options)
    this.#headers = request.headers
    this.#reply = reply
    this.#sessions = request.server.sessions
  }

  get headers(): McpHeaders {
    return {
      protocolVersion: readVersion(this.#headers['mcp-protocol-version']),
      method: single(this.#headers['mcp-method']),
      name: single(this.#headers['mcp-name']),
    }
  }

  get client() {
    const session = single(this.#headers['mcp-session-id'])
    if (session !== undefined) this.#client ??= this.#sessions.read(session, this.caller)
    return this.#client
  }

  introduce(client: HandshakeClient): void {
    // A session serves only to ask.
    if (client.canBeAsked.length === 0) return
    this.#reply.header('mcp-session-id', this.#sessions.issue(client, this.caller))
  }
}

/** Undefined if it is blank; one if a proxy repeats it. */
function readVersion(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const versions = single(header)?.split(',') ?? []
  return [...new Set(versions.map((version) => version.trim()))].join(', ') || undefined
}
