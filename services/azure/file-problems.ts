import type { TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { isRecord } from '../bytes/json/is-record.ts'
import { unreadableReason } from '../config/permission-flags.ts'
import { InvalidValueError } from '../errors/app-error.ts'
import { nearestName } from '../errors/nearest-name.ts'

/**
 * Describes every mistake of a JSON document that an operator wrote. The validator's own list ends after eight errors and
 * says in the words of JSON Schema what is wrong; this one is complete and says what is allowed. Values are never
 * repeated, since they may be secrets.
 */

/** All mistakes of a file that the operator wrote. */
export class InvalidFileError extends InvalidValueError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** A mistake in a file, or why it cannot be read. */
export interface FileProblem {
  problem: string
  /** Whether it is in the content; otherwise the variable that names the file may be wrong. */
  inFile: boolean
}

/**
 * Why a JSON file of the operator cannot be used. Messages of the parser are not used: they quote the text, which may contain
 * a key.
 */
export function fileProblems(error: unknown): FileProblem[] {
  if (error instanceof InvalidFileError) return error.problems.map((problem) => ({ problem, inFile: true }))
  if (error instanceof InvalidValueError) return [{ problem: `names a file that ${error.message}`, inFile: false }]
  if (error instanceof SyntaxError) return [{ problem: 'is not JSON', inFile: true }]
  if (error instanceof RangeError) return [{ problem: 'is nested too deeply', inFile: true }]
  return [{ problem: `cannot be read (${unreadableReason(error)})`, inFile: false }]
}

/** A mistake; `path` names the member, '' for the whole document. */
export interface SchemaProblem {
  path: string
  problem: string
}

/** How the file writes a member of the schema. */
type Spelling = (member: string) => string

const MAX_NAME = 64

/** A name from the file, in one line and short. */
export function printableName(name: string): string {
  return name.slice(0, MAX_NAME).replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?')
}

/** A schema as a walk needs it. TypeBox keeps them as plain members. */
interface SchemaNode {
  type?: string
  description?: string
  properties?: Readonly<Record<string, SchemaNode>>
  required?: readonly string[]
  items?: SchemaNode
  anyOf?: readonly SchemaNode[]
  enum?: readonly unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
}

/** All mistakes, in the order of the document. */
export function schemaProblems(
  schema: TSchema,
  value: unknown,
  spelling: Spelling = (member) => member,
): SchemaProblem[] {
  return [...walk(schema, value, '', spelling)]
}

/** The mistakes as sentences that begin with the member: `price.text_in must be a number of at least 0`. */
export function describeProblems(problems: readonly SchemaProblem[]): string[] {
  return problems.map(({ path, problem }) => (path === '' ? problem : `${path} ${problem}`))
}

/** What is valid of an object, so that its mistakes do not hide others. */
export interface ValidPart {
  /** The mistakes as sentences. */
  problems: string[]
  /** Members with a mistake, as the file writes them. */
  wrong: ReadonlySet<string>
  /** The other members; none if the value is no object. */
  valid: Readonly<Record<string, unknown>>
}

export function validPartOf(schema: TSchema, value: unknown, spelling: Spelling = (member) => member): ValidPart {
  const mistakes = schemaProblems(schema, value, spelling)
  const wrong = new Set(mistakes.map(({ path }) => path.split(/[.[]/)[0] ?? ''))
  const members = isRecord(value) ? Object.entries(value) : []
  const valid = Object.fromEntries(members.filter(([member]) => !wrong.has(spelling(member))))
  return { problems: describeProblems(mistakes), wrong, valid }
}

function* walk(schema: SchemaNode, value: unknown, path: string, spelling: Spelling): Generator<SchemaProblem> {
  if (Check(schema, value)) return
  const variant = variantOf(schema, value)
  if (variant !== undefined) yield* walk(variant, value, path, spelling)
  else if (isRecord(value) && schema.properties !== undefined) yield* walkMembers(schema, value, path, spelling)
  else if (Array.isArray(value) && schema.items !== undefined) yield* walkItems(schema, value, path, spelling)
  else yield { path, problem: `must be ${expectationOf(schema, spelling)}` }
}

function* walkMembers(
  { properties = {}, required = [] }: SchemaNode,
  value: Readonly<Record<string, unknown>>,
  path: string,
  spelling: Spelling,
): Generator<SchemaProblem> {
  const at = (member: string) => `${path === '' ? '' : `${path}.`}${printableName(spelling(member))}`
  for (const member of Object.keys(value)) {
    const schema = Object.hasOwn(properties, member) ? properties[member] : undefined
    if (schema === undefined)
      yield { path: at(member), problem: unknownMember(member, Object.keys(properties), spelling) }
    else yield* walk(schema, value[member], at(member), spelling)
  }
  for (const member of required) if (!Object.hasOwn(value, member)) yield { path: at(member), problem: 'is missing' }
}

function* walkItems(
  schema: SchemaNode,
  value: readonly unknown[],
  path: string,
  spelling: Spelling,
): Generator<SchemaProblem> {
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  if (value.length < minItems || value.length > maxItems)
    yield { path, problem: `must be ${expectationOf(schema, spelling)}` }
  for (const [index, item] of value.entries()) yield* walk(items, item, `${path}[${index}]`, spelling)
}

function unknownMember(member: string, known: readonly string[], spelling: Spelling): string {
  const names = known.map(spelling)
  const nearest = nearestName(member, names)
  return nearest === undefined ? `is unknown; known are ${names.join(', ')}` : `is unknown; did you mean ${nearest}?`
}

/** The alternative that the document chose, by the member that tells alternatives apart. */
function variantOf({ anyOf }: SchemaNode, value: unknown): SchemaNode | undefined {
  if (anyOf === undefined || !isRecord(value)) return undefined
  return anyOf.find(({ properties = {} }) =>
    Object.entries(properties).some(([name, { const: literal }]) => literal !== undefined && value[name] === literal),
  )
}

/** What is allowed, in words: the schema's own description, else its keywords. */
function expectationOf(schema: SchemaNode, spelling: Spelling): string {
  const {
    description,
    anyOf,
    type,
    enum: choices,
    const: literal,
    minimum,
    maximum,
    items,
    minItems,
    maxItems,
  } = schema
  if (description !== undefined) return description
  if (anyOf !== undefined) return anyOf.map((alternative) => alternativeOf(alternative, spelling)).join(', or ')
  if (choices !== undefined) return `one of ${choices.join(', ')}`
  if (literal !== undefined) return JSON.stringify(literal)
  switch (type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `a whole number${span(minimum, maximum)}`
    case 'number':
      return `a number${span(minimum, maximum)}`
    case 'array': {
      const count = countOf(minItems, maxItems, 'entries')
      return `a list${count}${items?.type === undefined && items?.enum === undefined ? '' : `, each ${expectationOf(items, spelling)}`}`
    }
    case 'object':
      return `an object${schema.required === undefined ? '' : ` with ${schema.required.map(spelling).join(', ')}`}`
    case 'string':
      return `text${countOf(schema.minLength, schema.maxLength, 'characters')}`
    default:
      return 'something else'
  }
}

function alternativeOf({ properties, ...rest }: SchemaNode, spelling: Spelling): string {
  if (properties === undefined) return expectationOf(rest, spelling)
  const members = Object.entries(properties).map(([name, { const: literal }]) =>
    literal === undefined ? spelling(name) : `"${spelling(name)}": ${JSON.stringify(literal)}`,
  )
  return `{${members.join(', ')}}`
}

function span(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined && maximum === undefined) return ''
  if (minimum === undefined) return ` of at most ${maximum}`
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`
}

/** The same for things that are counted. */
function countOf(minimum: number | undefined, maximum: number | undefined, unit: string): string {
  const range = span(minimum, maximum)
  return range === '' ? '' : `${range.replace(' from ', ' of ')} ${unit}`
}
