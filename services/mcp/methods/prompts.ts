import { GetPromptParamsSchema, ListParamsSchema } from '../../../schemas/mcp.ts'
import type { Prompt, PromptArgument } from '../../prompts/types.ts'
import { withoutNulls } from '../drop-nulls.ts'
import { iconsOf } from '../icons.ts'
import { defineMethod } from '../method.ts'
import { invalidParams } from '../protocol-error.ts'
import type { Revision } from '../types.ts'

/** Characters of one argument; a longer prompt belongs into a tool call. */
const MAX_ARGUMENT_LENGTH = 8_192

export const listPrompts = defineMethod(
  { name: 'prompts/list', needs: 'prompts', cache: { ttlMs: 3_600_000, cacheScope: 'public' } },
  ListParamsSchema,
  ({ cursor }, { engine: { catalog }, revision }) => {
    if (cursor !== undefined) throw invalidParams('Unknown cursor: the list of prompts has one page.')
    return { prompts: (catalog.prompts ?? []).map((prompt) => describePrompt(prompt, revision)) }
  },
)

function describePrompt(prompt: Prompt, revision: Revision) {
  const { name, title, description, arguments: args } = prompt
  return {
    name,
    ...(revision.hasTitles ? { title } : {}),
    description,
    arguments: args.map((argument) => describeArgument(argument, revision)),
    ...iconsOf(prompt, revision),
  }
}

function describeArgument({ title, ...argument }: PromptArgument, revision: Revision) {
  return { ...argument, ...(revision.hasTitles && title !== undefined ? { title } : {}) }
}

export const getPrompt = defineMethod(
  { name: 'prompts/get', nameMember: 'name', asks: true, needs: 'prompts' },
  GetPromptParamsSchema,
  async ({ name, arguments: args = {} }, { context, engine: { catalog } }) => {
    const given = withoutNulls(args)
    const prompt = catalog.prompts?.find((candidate) => candidate.name === name)
    if (prompt === undefined) throw invalidParams(`Unknown prompt: ${name}. prompts/list names the prompts.`)
    checkArguments(prompt, given)
    return { description: prompt.description, messages: await prompt.render(given, context.input) }
  },
)

function checkArguments(prompt: Prompt, given: Readonly<Record<string, string>>): void {
  const missing = prompt.arguments.filter(({ name, required }) => required && !given[name]?.trim())
  if (missing.length > 0) {
    throw invalidParams(`The prompt ${prompt.name} needs ${missing.map(({ name }) => `"${name}"`).join(', ')}.`)
  }
  const unknown = Object.keys(given).filter((key) => !prompt.arguments.some(({ name }) => name === key))
  if (unknown.length > 0) {
    const known = prompt.arguments.map(({ name }) => `"${name}"`).join(', ') || 'none'
    throw invalidParams(`The prompt ${prompt.name} takes these arguments only: ${known}.`)
  }
  const long = Object.entries(given).find(([, value]) => value.length > MAX_ARGUMENT_LENGTH)
  if (long !== undefined) throw invalidParams(`"${long[0]}" is longer than ${MAX_ARGUMENT_LENGTH} characters.`)
}
