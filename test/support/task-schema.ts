import {
  CallToolResultV2Schema,
  CancelTaskResultV2Schema,
  CreateTaskResultV2Schema,
  GetTaskResultV2Schema,
  TaskStatusNotificationParamsV2Schema,
  UpdateTaskResultV2Schema,
} from '@modelcontextprotocol/ext-tasks/core/v2'

/** Checks results against the schemas of the official package of the Tasks extension. */

interface Schema {
  safeParse(value: unknown): {
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } | undefined
  }
}

const schemas: Readonly<Record<'tools/call' | 'tasks/get' | 'tasks/update' | 'tasks/cancel', Schema>> = {
  'tools/call': CreateTaskResultV2Schema,
  'tasks/get': GetTaskResultV2Schema,
  'tasks/update': UpdateTaskResultV2Schema,
  'tasks/cancel': CancelTaskResultV2Schema,
}

/** Of the result that a completed task has. */
const calls: Schema = CallToolResultV2Schema

export const isTaskMethod = (method: string | undefined): method is keyof typeof schemas =>
  method !== undefined && Object.hasOwn(schemas, method)

/** Of `notifications/tasks`. */
export function taskNotificationErrors(params: unknown): string[] {
  const issues = TaskStatusNotificationParamsV2Schema.safeParse(params).error?.issues ?? []
  return [
    ...issues.map(({ path, message }) => `notifications/tasks /${path.join('/')} ${message}`),
    ...taskErrors('tasks/get', { resultType: 'complete', ...Object(params) }),
  ]
}

export function taskErrors(method: keyof typeof schemas, result: unknown): string[] {
  const inner = Object(result).status === 'completed' && method === 'tasks/get' ? [Object(result).result] : []
  const issues = [
    ...(schemas[method].safeParse(result).error?.issues ?? []),
    ...inner.flatMap((each) => calls.safeParse(each).error?.issues ?? []),
  ]
  return issues.map(({ path, message }) => `${method} /${path.join('/')} ${message}`)
}
