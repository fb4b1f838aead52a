import Type, { type TObject } from 'typebox'
import {
  askForm,
  type ClientInput,
  formResponse,
  type InputRequest,
  InputRequired,
} from '../../services/calls/input.ts'
import type { Tool } from '../../services/calls/types.ts'
import type { Prompt } from '../../services/prompts/types.ts'
import { fixtureTool, inputOf, prompt, say, text } from './conformance-fixtures.ts'

/** The fixtures of the suite that ask their client. */

const NameSchema = Type.Object({ name: Type.String() })
const OkSchema = Type.Object({ ok: Type.Boolean() })
const ColorSchema = Type.Object({ color: Type.String() })
const ContextSchema = Type.Object({ context: Type.String() })

const askName = askForm('What is your name?', NameSchema)
const askOk = askForm('Please confirm', OkSchema)
const askModel = (question: string): InputRequest => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens: 100 },
})
const askRoots: InputRequest = { method: 'roots/list', params: {} }

const UserSchema = Type.Object({
  username: Type.String({ description: "User's response" }),
  email: Type.String({ description: "User's email address" }),
})

const DefaultsSchema = Type.Object({
  name: Type.String({ default: 'John Doe' }),
  age: Type.Integer({ default: 30 }),
  score: Type.Number({ default: 95.5 }),
  status: Type.Enum(['active', 'inactive', 'pending'], { type: 'string', default: 'active' }),
  verified: Type.Boolean({ default: true }),
})

const titled = [
  { const: 'value1', title: 'First Option' },
  { const: 'value2', title: 'Second Option' },
]
const options = Type.Enum(['option1', 'option2', 'option3'], { type: 'string' })
const ChoicesSchema = Type.Object({
  untitledSingle: options,
  titledSingle: Type.Unsafe<string>({ type: 'string', oneOf: titled }),
  legacyEnum: Type.Enum(['opt1', 'opt2', 'opt3'], {
    type: 'string',
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  }),
  untitledMulti: Type.Array(options),
  titledMulti: Type.Unsafe<string[]>({ type: 'array', items: { anyOf: titled } }),
})

/** Asks once, and reports what came back. */
const elicitation = (name: string, schema: TObject, message = 'Please fill in the form', extra: Partial<Tool> = {}) =>
  fixtureTool(
    name,
    async (args, context) => {
      const response = formResponse(inputOf(context), 'form', schema)
      if (response === undefined) {
        throw new InputRequired({ form: askForm(String(Object(args).message ?? message), schema) })
      }
      return text(`User response: action=${response.action}, content=${JSON.stringify(response.content)}`)
    },
    extra,
  )

/** What stands under `key` in a response that is an object. */
function member(input: ClientInput, response: string, key: string): unknown {
  const found: unknown = Reflect.get(Object(input.responses[response]), key)
  return found
}

export const askingTools: readonly Tool[] = [
  elicitation('test_elicitation', UserSchema, '', { inputSchema: Type.Object({ message: Type.String() }) }),
  elicitation('test_elicitation_sep1034_defaults', DefaultsSchema),
  elicitation('test_elicitation_sep1330_enums', ChoicesSchema),
  fixtureTool('test_input_required_result_elicitation', async (_args, context) => {
    const name = formResponse(inputOf(context), 'user_name', NameSchema)?.content?.name
    if (name === undefined) throw new InputRequired({ user_name: askName })
    return text(`Hello, ${name}!`)
  }),
  fixtureTool('test_input_required_result_sampling', async (_args, context) => {
    const content = member(inputOf(context), 'capital_question', 'content')
    if (content === undefined) throw new InputRequired({ capital_question: askModel('What is the capital of France?') })
    return text(String(Object(content).text))
  }),
  fixtureTool('test_input_required_result_list_roots', async (_args, context) => {
    const roots = member(inputOf(context), 'client_roots', 'roots')
    if (!Array.isArray(roots)) throw new InputRequired({ client_roots: askRoots })
    return text(JSON.stringify(roots))
  }),
  ...['test_input_required_result_request_state', 'test_input_required_result_tampered_state'].map((name) =>
    fixtureTool(name, async (_args, context) => {
      const input = inputOf(context)
      const response = formResponse(input, 'confirm', OkSchema)
      if (input.state !== 'asked' || response === undefined) throw new InputRequired({ confirm: askOk }, 'asked')
      return text('state-ok')
    }),
  ),
  fixtureTool('test_input_required_result_multiple_inputs', async (_args, context) => {
    const input = inputOf(context)
    const keys = ['user_name', 'greeting', 'client_roots']
    if (input.state !== 'asked' || keys.some((key) => !Object.hasOwn(input.responses, key))) {
      const requests = { user_name: askName, greeting: askModel('Generate a greeting'), client_roots: askRoots }
      throw new InputRequired(requests, 'asked')
    }
    return text('Everything was answered.')
  }),
  fixtureTool('test_input_required_result_multi_round', async (_args, context) => {
    const input = inputOf(context)
    const known = Type.Object({ name: Type.String() })
    const name = isKnown(input.state) ? input.state.name : formResponse(input, 'step1', known)?.content?.name
    if (name === undefined) throw new InputRequired({ step1: askForm('Step 1: What is your name?', known) }, {})
    const color = formResponse(input, 'step2', ColorSchema)?.content?.color
    if (color !== undefined) return text(`${name} likes ${color}.`)
    throw new InputRequired({ step2: askForm('Step 2: What is your favorite color?', ColorSchema) }, { name })
  }),
  fixtureTool('test_input_required_result_capabilities', async (_args, context) => {
    const input = inputOf(context)
    if (Object.keys(input.responses).length > 0) return text('Answered.')
    throw new InputRequired({
      ...(input.canAsk('form') && { user_name: askName }),
      ...(input.canAsk('sampling') && { greeting: askModel('Generate a greeting') }),
    })
  }),
]

export const askingPrompts: readonly Prompt[] = [
  prompt('test_input_required_result_prompt', [], (_args, input) => {
    const context = input && formResponse(input, 'user_context', ContextSchema)?.content?.context
    if (context !== undefined) return [say(`Use this context: ${context}`)]
    throw new InputRequired({ user_context: askForm('What context should the prompt use?', ContextSchema) })
  }),
]

function isKnown(state: unknown): state is { name: string } {
  return typeof Object(state).name === 'string'
}
