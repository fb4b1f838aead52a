import { Compile } from 'typebox/compile'
import { type DialectName, type Model, ModelSchema, ModelsFileSchema } from '../../../schemas/models.ts'
import { modelTable, unknownModels } from './table.ts'

const modelsFile = Compile(ModelsFileSchema)
const modelRow = Compile(ModelSchema)

/** The models that this service knows. */
export interface ModelCatalog {
  /** The row of that id, without case; `undefined` if nobody described it. */
  find(id: string): Model | undefined
  /** The row of that id, or what its dialect's models can do by default. */
  resolve(id: string, dialect: DialectName | 'auto'): Model
}

/**
 * The built-in table, changed by the rows of a models file.
 *
 * @param file the parsed JSON of `AZURE_MODELS_FILE`
 * @throws RangeError that says what is wrong with the file
 */
export function createModelCatalog(file?: unknown): ModelCatalog {
  const rows = new Map(modelTable.map((model) => [model.id.toLowerCase(), model]))
  for (const model of readModelsFile(file, rows)) rows.set(model.id.toLowerCase(), model)
  const find = (id: string) => rows.get(id.toLowerCase())
  return {
    find,
    resolve: (id, dialect) => find(id) ?? { id, ...unknownModels[dialect === 'auto' ? guessDialect(id) : dialect] },
  }
}

function* readModelsFile(json: unknown, rows: ReadonlyMap<string, Model>): Generator<Model> {
  if (json === undefined) return
  const file = withCamelKeys(json)
  if (!modelsFile.Check(file)) throw new RangeError(firstProblem(modelsFile.Errors(file)))
  for (const { like, ...changes } of file.models) {
    const base = rows.get((like ?? changes.id).toLowerCase())
    if (like !== undefined && base === undefined)
      throw new RangeError(`${changes.id} is like ${like}, which is unknown`)
    const model = { ...(base ?? unknownModels[changes.dialects?.[0] ?? guessDialect(changes.id)]), ...changes }
    if (!modelRow.Check(model)) throw new RangeError(`${changes.id}: ${firstProblem(modelRow.Errors(model))}`)
    yield model
  }
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

/** The first of a validator's complaints, with its place in the document. */
export function firstProblem(errors: readonly { instancePath: string; message: string }[]): string {
  const [first] = errors
  return first === undefined
    ? 'does not have the right form'
    : `${first.instancePath || 'the document'} ${first.message}`
}

function guessDialect(id: string): DialectName {
  if (/^mai/i.test(id)) return 'mai'
  return /flux/i.test(id) ? 'bfl' : 'deployments'
}

/** How a retirement date stands to a day: past, within 60 days, or no matter. */
export function retirementState(model: Model, now: Date): 'retired' | 'retiring' | undefined {
  if (model.retires === undefined) return undefined
  const daysLeft = (Date.parse(model.retires) - now.getTime()) / 86_400_000
  if (daysLeft <= 0) return 'retired'
  return daysLeft <= 60 ? 'retiring' : undefined
}
