import Type from 'typebox'
import { Compile } from 'typebox/compile'
import {
  type Model,
  type ModelChanges,
  ModelChangesSchema,
  ModelSchema,
  ModelsFileSchema,
} from '../../../schemas/models.ts'
import { isRecord } from '../../bytes/json/is-record.ts'
import { nearestName } from '../../errors/nearest-name.ts'
import { allowsSizes } from '../../parameters/size-fitting.ts'
import { snakeCase, unreachable } from '../../parameters/wire.ts'
import { describeProblems, InvalidFileError, printableName, schemaProblems, validPartOf } from '../file-problems.ts'
import { guessDialect, unknownModels } from './families.ts'
import { normalizeName } from './normalize-name.ts'

const validMembers = Compile(Type.Partial(ModelChangesSchema))
const optionalMembers = Object.keys(ModelSchema.properties).filter(
  (name) => !ModelSchema.required.some((one) => one === name),
)

/** Members without which nothing else can be said of a row. */
const basicMembers = ['dialects', 'like', 'providerPath', 'operations']

/**
 * Adds the rows of `AZURE_MODELS_FILE` to the table, or changes rows of it. A row may be based on (`like`) a row before it.
 *
 * @param models the table, by normalized id
 * @throws InvalidFileError with every mistake of every row
 */
export function readModelsFile(json: unknown, models: Map<string, Model>): void {
  const file = withCamelKeys(json)
  const problems: string[] = []
  const rows = isRecord(file) && Array.isArray(file.models) ? file.models : []
  problems.push(...describeProblems(schemaProblems(ModelsFileSchema, file, snakeCase)))
  const seen = new Set<string>()
  for (const [index, row] of rows.entries()) {
    const id = isRecord(row) && typeof row.id === 'string' && row.id !== '' ? printableName(row.id) : undefined
    const about = id ?? `models[${index}]`
    const found = readRow(row, models)
    if (id !== undefined && seen.has(normalizeName(id))) found.push('is a second row of this id')
    if (id !== undefined) seen.add(normalizeName(id))
    problems.push(...found.map((problem) => `${about}: ${problem}`))
  }
  problems.push(...aliasProblems(models))
  if (problems.length > 0) throw new InvalidFileError(problems)
}

/** Adds a row with what is valid of it, so that mistakes do not hide others. @returns its mistakes */
function readRow(row: unknown, models: Map<string, Model>): string[] {
  if (!isRecord(row)) return ['must be an object']
  const removed = optionalMembers.filter((name) => row[name] === null)
  const given = Object.fromEntries(Object.entries(row).filter(([name]) => !removed.includes(name)))
  const { problems, wrong, valid: changes } = validPartOf(ModelChangesSchema, given, snakeCase)
  if (!validMembers.Check(changes) || changes.id === undefined) return problems
  const base = baseOf(changes, models)
  if (changes.like !== undefined && base === undefined) problems.push(unknownBase(changes.like, models))
  const { like: _like, ...own } = changes
  const model: Model = {
    ...(base ?? unknownModels[changes.dialects?.[0] ?? guessDialect(changes.id)]),
    ...own,
    id: changes.id,
    ...sourcesOf(base, changes, removed),
  }
  for (const name of removed) Reflect.deleteProperty(model, name)
  models.set(normalizeName(model.id), model)
  if (basicMembers.some((name) => wrong.has(snakeCase(name)))) return problems
  return [...problems, ...unreachable(model), ...contradictions(model)]
}

function baseOf({ like, id = '' }: Partial<ModelChanges>, models: ReadonlyMap<string, Model>): Model | undefined {
  const base = models.get(normalizeName(like ?? id))
  if (base === undefined || like === undefined) return base
  // Names belong to one model only.
  const { aliases: _aliases, ...rest } = base
  return rest
}

function unknownBase(like: string, models: ReadonlyMap<string, Model>): string {
  const nearest = nearestName(
    like,
    Array.from(models.values(), ({ id }) => id),
  )
  return `like names an unknown model${nearest === undefined ? '' : `; did you mean ${nearest}?`}`
}

/** What a file says about price, tokens and retirement does not come from the sources of the table. */
function sourcesOf(base: Model | undefined, changes: Partial<ModelChanges>, removed: readonly string[]) {
  if (base?.sources === undefined || changes.sources !== undefined) return {}
  const isChanged = (name: 'price' | 'tokens' | 'retires') => changes[name] !== undefined || removed.includes(name)
  const { price, tokens, retirement, ...sources } = base.sources
  return {
    sources: {
      ...sources,
      ...(price === undefined || isChanged('price') ? {} : { price }),
      ...(tokens === undefined || isChanged('tokens') ? {} : { tokens }),
      ...(retirement === undefined || isChanged('retires') ? {} : { retirement }),
    },
  }
}

/** Members that are valid, but not together. */
function contradictions(model: Model): string[] {
  const { operations, maxImages, generateSize, editSize, guidance, steps } = model
  return [
    ...(operations.includes('edit') && maxImages < 1 ? ['edits need max_images of at least 1'] : []),
    ...(isOnlyOpaque(model) ? ['backgrounds has "transparent", which needs another format than jpeg'] : []),
    ...(operations.includes('generate') ? sizeContradictions('generate_size', generateSize) : []),
    ...(operations.includes('edit') ? sizeContradictions('edit_size', editSize) : []),
    ...rangeContradictions('guidance', guidance),
    ...rangeContradictions('steps', steps),
  ]
}

function isOnlyOpaque({ backgrounds, formats }: Model): boolean {
  return backgrounds.includes('transparent') && formats.every((format) => format === 'jpeg')
}

function rangeContradictions(name: string, range: Model['guidance']): string[] {
  return range === undefined || range.minimum <= range.maximum ? [] : [`${name}.minimum is above ${name}.maximum`]
}

function sizeContradictions(name: string, rule: Model['generateSize']): string[] {
  if (rule.kind !== 'range') return []
  const { step, minEdge, maxEdge, minPixels, maxPixels } = rule
  const [shortest, longest] = [Math.ceil(minEdge / step) * step, Math.floor(maxEdge / step) * step]
  const problems: string[] = []
  if (minPixels > maxPixels) problems.push(`${name}.min_pixels is above ${name}.max_pixels`)
  if (shortest > longest) problems.push(`${name} has no multiple of step from min_edge to max_edge`)
  else if (shortest ** 2 > maxPixels) problems.push(`${name}.max_pixels is below the square of min_edge`)
  else if (longest ** 2 < minPixels) problems.push(`${name}.min_pixels is above the square of max_edge`)
  else if (problems.length === 0 && !allowsSizes(rule)) problems.push(`${name} allows no size`)
  return problems
}

/** Two models must not share a name. */
function aliasProblems(models: ReadonlyMap<string, Model>): string[] {
  const owners = new Map(Array.from(models, ([name, { id }]) => [name, id]))
  const problems: string[] = []
  for (const { id, aliases = [] } of models.values()) {
    for (const alias of aliases) {
      const owner = owners.get(normalizeName(alias)) ?? id
      if (owner !== id) problems.push(`${id}: the alias ${alias} is a name of ${owner}`)
      owners.set(normalizeName(alias), owner)
    }
  }
  return problems
}

/** Files use `max_images`, the table `maxImages`. `fields` has Azure's names, which are not changed. */
function withCamelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCamelKeys)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
      key === 'fields' ? inner : withCamelKeys(inner),
    ]),
  )
}
