import type { DialectName, Model } from '../../../schemas/models.ts'
import { guessDialect, unknownModels } from './families.ts'
import { readModelsFile } from './models-file.ts'
import { normalizeName } from './normalize-name.ts'
import { modelTable } from './table.ts'

/** The models that this service knows. */
export interface ModelCatalog {
  /** Every row, under its normalized id and aliases. */
  readonly rows: ReadonlyMap<string, Model>
  /** The row of an id or alias; case does not matter, and dots, dashes and underscores are equivalent. */
  find(id: string): Model | undefined
  /** The row of an id, or the default capabilities of its dialect. */
  resolve(id: string, dialect: DialectName | 'auto'): Model
}

/**
 * The built-in table, extended and overridden by the rows of a models file.
 *
 * @param file the parsed JSON of `AZURE_MODELS_FILE`
 * @throws InvalidFileError with all problems of the file
 */
export function createModelCatalog(file?: unknown): ModelCatalog {
  const models = new Map<string, Model>(modelTable.map((model) => [normalizeName(model.id), model]))
  if (file !== undefined) readModelsFile(file, models)
  const rows = new Map(models)
  for (const model of models.values()) for (const alias of model.aliases ?? []) rows.set(normalizeName(alias), model)
  const find = (id: string) => rows.get(normalizeName(id))
  return {
    rows,
    find,
    resolve: (id, dialect) => find(id) ?? { id, ...unknownModels[dialect === 'auto' ? guessDialect(id) : dialect] },
  }
}
