import Type, { type TObject, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { InputRequest } from '../calls/input.ts'
import type { Revision } from './types.ts'

/** What clients know of a member of a form, by its type. Anything else may make them reject the whole form. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'format', 'enum', 'enumNames', 'oneOf', 'default'],
  number: ['minimum', 'maximum', 'default'],
  integer: ['minimum', 'maximum', 'default'],
  boolean: ['default'],
  array: ['minItems', 'maxItems', 'items', 'default'],
}

const OptionsSchema = Type.Array(Type.Object({ const: Type.String(), title: Type.String() }))

/**
 * The params of a question as clients of a revision with a handshake know them. Undefined: they have no such question.
 * https://modelcontextprotocol.io/specification/2025-06-18/client/elicitation#requested-schema
 *
 * @param elicitationId of an address
 */
export function questionParams(
  request: InputRequest,
  { questionsInCall, hasWideForms }: Revision,
  elicitationId: string,
): object | undefined {
  if (request.method !== 'elicitation/create') return undefined
  const { params } = request
  if (!questionsInCall.includes(params.mode)) return undefined
  if (params.mode === 'url') return { ...params, elicitationId }
  const { mode, message, requestedSchema } = params
  const form = formOf(requestedSchema, hasWideForms)
  return form && { ...(hasWideForms ? { mode } : {}), message, requestedSchema: form }
}

function formOf({ properties, required }: TObject, isWide: boolean): object | undefined {
  const members: Record<string, object> = {}
  for (const [name, schema] of Object.entries(properties)) {
    const member = isWide ? memberOf(schema) : narrowed(memberOf(schema))
    if (member === undefined) return undefined
    members[name] = member
  }
  return { type: 'object', properties: members, ...(required === undefined ? {} : { required }) }
}

function memberOf(schema: TSchema): Record<string, unknown> | undefined {
  const type = 'type' in schema ? schema.type : undefined
  const known = typeof type === 'string' && Object.hasOwn(KNOWN, type) ? KNOWN[type] : undefined
  if (known === undefined) return undefined
  const names = ['type', 'title', 'description', ...known]
  return Object.fromEntries(Object.entries(schema).filter(([name]) => names.includes(name)))
}

/** As 2025-06-18 has it: one choice only, with its titles beside it, and a default for yes or no only. */
function narrowed(member: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (member === undefined || member.type === 'array') return undefined
  const { default: preset, oneOf, ...rest } = member
  if (oneOf === undefined) return rest.type === 'boolean' && preset !== undefined ? { ...rest, default: preset } : rest
  if (!Value.Check(OptionsSchema, oneOf)) return undefined
  return { ...rest, enum: oneOf.map((option) => option.const), enumNames: oneOf.map(({ title }) => title) }
}
