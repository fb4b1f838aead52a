import { Compile } from 'typebox/compile'
import { type DialectName, type Model, ModelSchema, ModelsFileSchema } from '../../../schemas/models.ts'
import { unreachable } from '../../parameters/wire.ts'
import { modelTable, unknownModels } from './table.ts'

const modelsFile = Compile(ModelsFileSchema)
const modelRow = Compile(ModelSchema)

/** The models that this service knows. */
export interface ModelCatalog {
  /** Every row, under its normalized id. */
  readonly rows: ReadonlyMap<string, Model>
  /** The row of that id, in any case and with dots, dashes and underscores alike; `undefined` if nothing describes it. */
  find(id: string): Model | undefined
  /** The row of that id, or what its dialect's models can do by default. */
  resolve(id: string, dialect: DialectName | 'auto'): Model
}

/** A name in lower case, with one dash for dots, dashes and underscores: as people write them, they mean the same. */
export function normalizeName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[._-]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/**
 * The built-in table, changed by the rows of a models file.
 *
 * @param file the parsed JSON of `AZURE_MODELS_FILE`
 * @throws FileProblems with everything that is wrong with the file
 */
export function createModelCatalog(file?: unknown): ModelCatalog {
  const rows = new Map(modelTable.map((model) => [normalizeName(model.id), model]))
  if (file !== undefined) addRows(file, rows)
  const find = (id: string) => rows.get(normalizeName(id))
  return {
    rows,
    find,
    resolve: (id, dialect) => find(id) ?? { id, ...unknownModels[dialect === 'auto' ? guessDialect(id) : dialect] },
  }
}

/** Everything that is wrong with a file of the operator's. */
export class FileProblems extends RangeError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** Rows may be like rows before them. */
function addRows(json: unknown, rows: Map<string, Model>): void {
  const file = withCamelKeys(json)
  if (!modelsFile.Check(file)) throw new FileProblems(problemsOf(modelsFile.Errors(file)))
  const problems: string[] = []
  for (const { like, ...changes } of file.models) {
    const base = rows.get(normalizeName(like ?? changes.id))
    if (like !== undefined && base === undefined) {
      problems.push(`${changes.id} is like ${like}, which is unknown`)
      continue
    }
    const model = { ...(base ?? unknownModels[changes.dialects?.[0] ?? guessDialect(changes.id)]), ...changes }
    if (modelRow.Check(model)) {
      rows.set(normalizeName(model.id), model)
      problems.push(...unreachable(model).map((problem) => `${model.id}: ${problem}`))
      if (Number.isNaN(Date.parse(model.retires ?? '2000-01-01'))) problems.push(`${model.id}: retires is no date`)
    } else problems.push(...problemsOf(modelRow.Errors(model)).map((problem) => `${changes.id}: ${problem}`))
  }
  if (problems.length > 0) throw new FileProblems(problems)
}

/** Operators write `max_images`, the table has `maxImages`; `fields` are Azure's own names and stay. */
function withCamelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCamelKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
      key === 'fields' ? inner : withCamelKeys(inner),
    ]),
  )
}

/** More than these are seldom read. */
const MAX_PROBLEMS = 20

/** A validator's complaints, the first of each place in the document, with that place. */
export function problemsOf(
  errors: readonly { keyword: string; instancePath: string; message: string; params: object }[],
): string[] {
  const places = new Map<string, string>()
  // Of a member that must not be there the object that has it is told as well.
  for (const { instancePath, message, keyword, params } of errors.filter(({ keyword }) => keyword !== 'boolean')) {
    const place = instancePath || 'the document'
    if (!places.has(place)) places.set(place, `${place} ${sentenceOf(keyword, params) ?? message}`)
  }
  return places.size === 0 ? ['does not have the right form'] : [...places.values()].slice(0, MAX_PROBLEMS)
}

function sentenceOf(keyword: string, params: object): string | undefined {
  if (keyword === 'enum' && 'allowedValues' in params && Array.isArray(params.allowedValues)) {
    return `must be one of ${params.allowedValues.join(', ')}`
  }
  if (keyword === 'additionalProperties' && 'additionalProperties' in params) {
    const { additionalProperties: names } = params
    if (Array.isArray(names)) return `must not have ${names.map((name) => `"${String(name).slice(0, 64)}"`).join(', ')}`
  }
  return undefined
}

function guessDialect(id: string): DialectName {
  if (/^mai/i.test(id)) return 'mai'
  return /flux/i.test(id) ? 'bfl' : 'deployments'
}
