import { randomBytes } from 'node:crypto'
import Type from 'typebox'
import { createChain } from '../../services/calls/chain.ts'
import { checkArguments } from '../../services/calls/check-arguments.ts'
import { createDelivery, type ReportedDelivery } from '../../services/calls/delivery.ts'
import { type CallObserver, measure } from '../../services/calls/measure.ts'
import type { Call, ToolResult } from '../../services/calls/types.ts'
import type { Dispatcher } from '../../services/mcp/dispatcher.ts'
import { envelopeError, isBody } from '../../services/mcp/envelope.ts'
import { createRequestStates } from '../../services/mcp/request-states.ts'
import type { McpContext, Response } from '../../services/mcp/types.ts'
import { noTrace } from '../../services/telemetry/trace.ts'

/** Under a key of this process. */
export const requestStates = createRequestStates({ key: randomBytes(32) })

export const silent = { debug() {}, info() {}, warn() {}, error() {} }

export const callerOf = (id: string) => ({ id, rateLimitKey: id, isAnonymous: false })

/** A context without a transport. */
export function contextOf(changes: Partial<McpContext> = {}): McpContext {
  const { signal = new AbortController().signal } = changes
  return {
    id: 'req-1',
    caller: callerOf('key:test'),
    door: 'mcp',
    access: { owner: 'key:test', uses: 'own', canList: true, changes: 'own' },
    signal,
    get isCancelled() {
      return signal.aborted
    },
    deadlineAt: performance.now() + 30_000,
    log: silent,
    trace: noTrace,
    scope: new AsyncDisposableStack(),
    outlive() {},
    delivery: createDelivery(0),
    sentRequests: 0,
    progress() {},
    ...changes,
  }
}

/** Calls of tools with nothing around them but their schemas. */
export const runBare = (observer: CallObserver = { callStarted() {}, callFinished() {} }) =>
  createChain([measure(observer), checkArguments])

/** Does what every transport does: checks the envelope, then asks the engine. */
export async function ask(dispatcher: Dispatcher, message: unknown, context: McpContext): Promise<Response> {
  if (!isBody(message)) return dispatcher.reject(envelopeError(message), message, context)
  return await dispatcher.handle(message, context)
}

export interface PaidCallOptions {
  caller: string
  requestId: number
  tool?: string
  openedAt?: number
  isRetry?: boolean | undefined
  make: () => Promise<ToolResult>
}

/** A call that pays for an image, and the controls of its client. */
export function paidCall(
  args: Readonly<Record<string, unknown>>,
  { caller, requestId, tool = 'generate_image', openedAt = 0, isRetry, make }: PaidCallOptions,
): { call: Call; delivery: ReportedDelivery; disconnect: () => void; scope: AsyncDisposableStack } {
  const disconnected = new AbortController()
  const delivery = createDelivery(openedAt)
  const context = contextOf({ caller: callerOf(caller), signal: disconnected.signal, delivery })
  const definition = {
    name: tool,
    title: '',
    description: '',
    inputSchema: Type.Object({}),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    call: make,
  }
  const validator = { Check: () => true, Errors: () => [] }
  const call: Call = { context, tool: { tool: definition, validator }, args, cost: 1, requestId, isRetry }
  return { call, delivery, disconnect: () => disconnected.abort(), scope: context.scope }
}
