import Type from 'typebox'
import type { Tool, ToolResult } from '../../services/calls/types.ts'
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
