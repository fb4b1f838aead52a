import { setTimeout as pause } from 'node:timers/promises'
import Type from 'typebox'
import { askForm, formResponse, InputRequired } from '../../services/calls/input.ts'
import type { Tool, ToolResult } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { fixtureTool, inputOf, text } from './conformance-fixtures.ts'

/** The fixtures of the suite that become tasks, which tools do that pay for something. */

const TASKS = 'io.modelcontextprotocol/tasks'
const NameSchema = Type.Object({ name: Type.String() })
const ConfirmSchema = Type.Object({ confirm: Type.Boolean() })

/** A text that a job can store. */
const lasting = (said: string): ToolResult => ({ ...text(said), stored: { text: said, notes: [], images: [] } })

const taskTool = (name: string, properties: Type.TProperties, call: Tool['call'], extra: Partial<Tool> = {}) =>
  fixtureTool(name, call, { inputSchema: Type.Object(properties), cost: () => 1, ...extra })

const needsTasks = { requiredCapabilities: [TASKS] }

export const taskTools: readonly Tool[] = [
  fixtureTool('greet', async (args) => text(`Hello, ${Object(args).name}!`), {
    inputSchema: Type.Object({ name: Type.String() }),
  }),
  taskTool('slow_compute', { seconds: Type.Number(), label: Type.String() }, async (args, { signal }) => {
    const { seconds, label } = Object(args)
    await pause(seconds * 1000, undefined, { signal })
    return lasting(`${label}: done after ${seconds} s`)
  }),
  taskTool(
    'failing_job',
    {},
    async () => {
      throw serviceError('IMG_ERR_ARGUMENTS', ['this tool intentionally returns an error for testing'])
    },
    needsTasks,
  ),
  taskTool('protocol_error_job', {}, async () => {
    throw new Error('a defect, on purpose')
  }),
  taskTool('confirm_delete', { filename: Type.String() }, async (args, context) => {
    const { filename } = Object(args)
    const response = formResponse(inputOf(context), 'confirm', ConfirmSchema)
    if (response === undefined) throw new InputRequired({ confirm: askForm(`Delete ${filename}?`, ConfirmSchema) })
    return lasting(response.content?.confirm === true ? `Deleted ${filename}.` : `Kept ${filename}.`)
  }),
  taskTool('multi_input', {}, async (_args, context) => {
    const input = inputOf(context)
    const first = formResponse(input, 'first', NameSchema)?.content?.name
    const second = formResponse(input, 'second', NameSchema)?.content?.name
    if (first === undefined || second === undefined) {
      throw new InputRequired({
        first: askForm('First name?', NameSchema),
        second: askForm('Second name?', NameSchema),
      })
    }
    return lasting(`Hello, ${first} and ${second}!`)
  }),
  taskTool(
    'test_tool_with_task',
    { user_name: Type.Optional(Type.String()) },
    async (args) => lasting(`Hello, ${Object(args).user_name}!`),
    {
      ...needsTasks,
      // Before the task exists.
      withStoredImages: async (_args, context) => {
        const name = formResponse(inputOf(context), 'user_name', NameSchema)?.content?.name
        if (name === undefined) throw new InputRequired({ user_name: askForm('What is your name?', NameSchema) })
        return { user_name: name }
      },
    },
  ),
]
