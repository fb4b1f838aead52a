import { TaskParamsSchema, UpdateTaskParamsSchema } from '../../../schemas/mcp.ts'
import { restoreTexts } from '../../bytes/json/inline-blob.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { defineMethod } from '../method.ts'
import { invalidParams } from '../protocol-error.ts'
import { TASKS, type Tasks } from '../tasks.ts'

/** They are stored until the turn of the task; a form has a few lines. */
const MAX_RESPONSE_CHARACTERS = 65_536

/** https://modelcontextprotocol.github.io/ext-tasks/specification/2026-07-28/tasks.html */
const traits = { nameMember: 'taskId', needs: 'tasks', extension: TASKS } as const

export const getTask = defineMethod(
  { name: 'tasks/get', ...traits },
  TaskParamsSchema,
  ({ taskId }, { context, engine: { catalog } }) => tasksOf(catalog).get(taskId, context),
)

export const updateTask = defineMethod(
  { name: 'tasks/update', ...traits },
  UpdateTaskParamsSchema,
  async ({ taskId, inputResponses }, { context, engine: { catalog } }) => {
    restoreTexts(inputResponses)
    if (JSON.stringify(inputResponses).length > MAX_RESPONSE_CHARACTERS) {
      throw invalidParams(`The inputResponses have more than ${MAX_RESPONSE_CHARACTERS} characters.`)
    }
    await tasksOf(catalog).update(taskId, inputResponses, context)
    return {}
  },
)

export const cancelTask = defineMethod(
  { name: 'tasks/cancel', ...traits },
  TaskParamsSchema,
  async ({ taskId }, { context, engine: { catalog } }) => {
    await tasksOf(catalog).cancel(taskId, context)
    return {}
  },
)

function tasksOf({ tasks }: CompiledCatalog): Tasks {
  if (tasks === undefined) throw new Error('a method was called whose part of the catalog is absent')
  return tasks
}
