import { createContextBeside } from '../calls/call-scope.ts'
import type { CallContext } from '../calls/types.ts'
import type { Outbox } from './outbox.ts'
import type { Tasks } from './tasks.ts'
import type { McpRequest } from './types.ts'

export interface TaskWatch {
  request: McpRequest
  outbox: Outbox
  send(method: string, params: object): Promise<unknown>
  ended: AbortSignal
}

/** Milliseconds for one notification, whose result may have images. */
const NOTIFICATION_MS = 60_000

/**
 * Notifies of the state that each task has now, and of every later one until it has ended, with all that `tasks/get` returns.
 * https://modelcontextprotocol.github.io/ext-tasks/specification/2026-07-28/tasks.html#task-status-notifications
 */
export function watchTasks(ids: readonly string[], { request, outbox, send, ended }: TaskWatch): void {
  const { context, engine } = request
  const { tasks } = engine.catalog
  if (tasks === undefined) return

  for (const id of ids) {
    // Each with a scope of its own, so that no image stays in memory until the subscription ends.
    const sendState = () => sendTask(id, tasks, createContextBeside(context, ended, NOTIFICATION_MS), send)
    void tasks.watch(id, context.caller, ended, () => outbox.add(`task ${id}`, sendState))
  }
}

async function sendTask(id: string, tasks: Tasks, context: CallContext, send: TaskWatch['send']): Promise<void> {
  try {
    const task = await tasks.get(id, context)
    // The result of the subscription may have been sent.
    if (!context.isCancelled) await send('notifications/tasks', task)
  } finally {
    await context.scope.disposeAsync()
  }
}
