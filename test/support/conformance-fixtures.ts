import Type from 'typebox'
import type { ClientInput } from '../../services/calls/input.ts'
import type { CallContext, Tool, ToolResult } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import type { Prompt, PromptMessage } from '../../services/prompts/types.ts'

/** What the fixtures of the conformance suite are made of. */

export const fixtureTool = (name: string, call: Tool['call'], extra: Partial<Tool> = {}): Tool => ({
  name,
  title: name,
  description: `Fixture of the conformance suite: ${name}`,
  inputSchema: Type.Object({}),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call,
  ...extra,
})

export const text = (said: string): ToolResult => ({ content: [{ type: 'text', text: said }] })

export const prompt = (name: string, args: string[], render: Prompt['render']): Prompt => ({
  name,
  title: name,
  description: `Fixture of the conformance suite: ${name}`,
  arguments: args.map((argument) => ({ name: argument, description: argument, required: true })),
  render,
})

export const say = (said: string): PromptMessage => ({ role: 'user', content: { type: 'text', text: said } })

/** For fixtures that have no other way to learn what they ask for. */
export function inputOf({ input }: CallContext): ClientInput {
  if (input === undefined) throw serviceError('IMG_ERR_ARGUMENTS', ['this client cannot be asked'])
  return input
}
