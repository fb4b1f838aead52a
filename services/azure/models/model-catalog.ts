import { Compile } from 'typebox/compile'
import { type DialectName, type Model, ModelSchema, ModelsFileSchema } from '../../../schemas/models.ts'
import { InvalidValueError } from '../../errors/app-error.ts'
import { unreachable } from '../../parameters/wire.ts'
import { modelTable, unknownModels } from './table.ts'

const modelsFile = Compile(ModelsFileSchema)
const modelRow = Compile(ModelSchema)

/** The models that this service knows. */
export interface ModelCatalog {
  /** Every row, under its normalized id. */
  readonly rows: ReadonlyMap<string, Model>
  /** The row of an id; case does not matter, and dots, dashes and underscores are equivalent. */
  find(id: string): Model | undefined
  /** The row of an id, or the default capabilities of its dialect. */
  resolve(id: string, dialect: DialectName | 'auto'): Model
}

/** A name in lower case, with one dash for dots, dashes and underscores, which people use interchangeably. */
export function normalizeName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[._-]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/**
 * The built-in table, extended and overridden by the rows of a models file.
 *
 * @param file the parsed JSON of `AZURE_MODELS_FILE`
 * @throws InvalidFileError with all problems of the file
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

/** All problems of a file that the operator wrote. */
export class InvalidFileError extends InvalidValueError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** A row may be based on (`like`) a row before it. */
function addRows(json: unknown, rows: Map<string, Model>): void {
  const file = withCamelKeys(json)
  if (!modelsFile.Check(file)) throw new InvalidFileError(problemsOf(modelsFile.Errors(file)))
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
      if (Number.isNaN(Date.parse(model.retires ?? '2000-01-01'))) problems.push(`${model.id}: retires is not a date`)
    } else problems.push(...problemsOf(modelRow.Errors(model)).map((problem) => `${changes.id}: ${problem}`))
  }
  if (problems.length > 0) throw new InvalidFileError(problems)
}

/** Files use `max_images`, the table `maxImages`. `fields` has Azure's names, which are not changed. */
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

/** More are rarely read. */
const MAX_PROBLEMS = 20

/** A validator's errors, the first for each place in the document. */
export function problemsOf(
  errors: readonly { keyword: string; instancePath: string; message: string; params: object }[],
): string[] {
  const places = new Map<string, string>()
  // A forbidden member is reported for its object already.
  for (const { instancePath, message, keyword, params } of errors.filter(({ keyword }) => keyword !== 'boolean')) {
    const place = instancePath || 'the document'
    if (!places.has(place)) places.set(place, `${place} ${sentenceOf(keyword, params) ?? message}`)
  }
  return places.size === 0 ? ['does not match the schema'] : [...places.values()].slice(0, MAX_PROBLEMS)
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
