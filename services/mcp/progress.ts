import type { JsonRpcNotification, RequestId } from '../../schemas/json-rpc.ts'
import { describeStage, describeWait } from '../calls/stages.ts'
import { metaOf } from './envelope.ts'
import type { McpRequest } from './types.ts'

interface Progress {
  /** Notifies the client of a stage, and repeats it until the next one. */
  report(stage: string, remainingMs?: () => number): void
  /** Ends the repetition; nothing is sent afterwards. */
  stop(): void
}

interface ProgressOptions {
  token: RequestId
  notify: (notification: JsonRpcNotification) => Promise<unknown>
  /** Milliseconds of silence after which the last stage is repeated, so that clients do not give up. */
  repeatMs: number
  /** Whether notifications of the client's revision have a text. */
  withMessage: boolean
}

/** Runs a request; if its valid params ask for progress, what its context reports until the end is sent to the client. */
export function withProgress(
  params: unknown,
  { context, engine, revision, isBatched }: McpRequest,
  run: () => object | Promise<object>,
): object | Promise<object> {
  const { notify } = context
  const token = notify === undefined || isBatched ? undefined : metaOf(params).progressToken
  if (notify === undefined || (typeof token !== 'string' && typeof token !== 'number')) return run()
  const repeatMs = engine.progressRepeatMs
  const progress = createProgress({ token, notify, repeatMs, withMessage: revision.hasProgressMessages })
  context.progress = progress.report
  return Promise.try(run).finally(progress.stop)
}

/**
 * Progress notifications of one request. The value counts notifications, because it must rise with each and the duration
 * of the work is not known. https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress
 */
function createProgress({ token, notify, repeatMs, withMessage }: ProgressOptions): Progress {
  const startedAt = performance.now()
  let progress = 0
  let isStopped = false
  // Work that never reports is still seen to run.
  let current = 'working'
  let remainingMs: (() => number) | undefined
  const timer = setInterval(() => {
    send(expected() ?? `${describeStage(current)} (${Math.round((performance.now() - startedAt) / 1000)} s)`)
  }, repeatMs).unref()

  const expected = () => describeWait(current, remainingMs?.())

  function send(message: string): void {
    progress += 1
    const params = { progressToken: token, progress, ...(withMessage ? { message } : {}) }
    void notify({ jsonrpc: '2.0', method: 'notifications/progress', params })
  }

  return {
    report(stage, remaining) {
      if (isStopped) return
      current = stage
      remainingMs = remaining
      send(expected() ?? describeStage(stage))
      timer.refresh()
    },
    stop() {
      isStopped = true
      clearInterval(timer)
    },
  }
}
