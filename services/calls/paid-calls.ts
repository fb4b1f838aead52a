import type { Around } from './types.ts'

/** What the log needs to find a paid call again. */
export interface PaidCall {
  requestId: string
  caller: string
  tool: string
  images: number
}

/** Calls that are paid for and still run, those of disconnected clients included. */
export interface PaidCalls {
  around: Around
  running(): readonly PaidCall[]
}

export function createPaidCalls(): PaidCalls {
  const running = new Set<PaidCall>()
  return {
    async around({ context, tool: { tool }, cost }, next) {
      if (cost === 0) return await next()
      const call = { requestId: context.id, caller: context.caller.id, tool: tool.name, images: cost }
      running.add(call)
      try {
        return await next()
      } finally {
        running.delete(call)
      }
    },
    running: () => [...running],
  }
}
