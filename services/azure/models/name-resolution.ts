import type { DialectName, Model } from '../../../schemas/models.ts'
import { type ModelCatalog, normalizeName } from './model-catalog.ts'
import { type Family, families, unknownModels } from './table.ts'

/**
 * How a name led to what a deployment is driven as, the surest first: it is the id of a row, begins with one, holds one
 * (`prod-gpt-image-2`), speaks of a family (`gpt-image-9`), only its route is known, or it says nothing.
 */
export type Recognition = 'exact' | 'begins' | 'contains' | 'family' | 'route' | 'default'

export interface Resolution {
  model: Model
  recognition: Recognition
  /** The name that decided, of a model or of a deployment. */
  name: string
}

/** What the guide's deployments are, whatever they are called. */
const defaultModelId = 'FLUX.1-Kontext-pro'

/** The longer id says more. */
function longest(rows: readonly [string, Model][]): [string, Model] | undefined {
  return rows.reduce<[string, Model] | undefined>(
    (best, row) => (best === undefined || row[0].length > best[0].length ? row : best),
    undefined,
  )
}

/**
 * What a name says of a model; `undefined` if it says nothing. Case does not matter, and dots, dashes and underscores
 * are alike. An id counts only between such separators: `gpt-image-20` is not `gpt-image-2`.
 */
export function recognizeName(catalog: ModelCatalog, name: string): Resolution | undefined {
  const exact = catalog.find(name)
  if (exact !== undefined) return { model: exact, recognition: 'exact', name }
  const normal = normalizeName(name)
  const rows = [...catalog.rows]
  const begins = longest(rows.filter(([id]) => normal.startsWith(`${id}-`)))
  if (begins !== undefined) return { model: sibling(name, begins), recognition: 'begins', name }
  // A single word, as an operator may call a row of his own, says too little in the middle of a name.
  const contains = longest(rows.filter(([id]) => id.includes('-') && `-${normal}-`.includes(`-${id}-`)))
  if (contains !== undefined) return { model: sibling(name, contains), recognition: 'contains', name }
  const model = ofFamily(name, normal)
  return model && { model, recognition: 'family', name }
}

/** Words by which makers tell models of one version apart; a deployment's own suffix is seldom one. */
const variants: ReadonlySet<string> = new Set(
  'mini nano lite flash fast turbo pro plus max ultra hd flex klein flare sunburst'.split(' '),
)

/**
 * The row, without price and retirement where the name goes on with another version or variant, as `gpt-image-2.6` and
 * `gpt-image-2-mini` do: what is not known must not be told as that of a sibling.
 */
function sibling(name: string, [id, model]: [string, Model]): Model {
  // Words at even places, what separates them between.
  const parts = name.toLowerCase().split(/([._-]+)/)
  const words = parts.filter((_part, place) => place % 2 === 0)
  const wanted = id.split('-')
  const start = words.findIndex((_word, place) => wanted.every((word, offset) => words[place + offset] === word))
  const next = start + wanted.length
  const [word = '', following = ''] = words.slice(next)
  // A longer number is a date.
  const isNumber = /^\d{1,2}$/.test(word)
  const isOther = variants.has(word) || (isNumber && (parts[2 * next - 1] === '.' || variants.has(following)))
  if (!isOther) return model
  const { price: _price, retires: _retires, ...abilities } = model
  return abilities
}

/** Whether two names speak of the same family; one that speaks of none contradicts nothing. */
export function isSameFamily(one: string, other: string): boolean {
  const [a, b] = [familyOf(normalizeName(one)), familyOf(normalizeName(other))]
  return a === undefined || b === undefined || a === b
}

function familyOf(normal: string): Family | undefined {
  return families.find(({ said }) => said.test(normal))
}

function ofFamily(name: string, normal: string): Model | undefined {
  const family = familyOf(normal)
  if (family === undefined) return undefined
  const path = family.providerPath?.(normal.slice(normal.search(family.said)))
  return { ...family.row, id: name, ...(path === undefined ? {} : { providerPath: path }) }
}

const order: readonly Recognition[] = ['exact', 'begins', 'contains', 'family', 'route', 'default']

/** Names of one deployment. */
export interface DeploymentNames {
  /** What the operator says that it is. */
  model: string | undefined
  /** What it is called, the likeliest first; of two that say something the surer counts. */
  names: readonly string[]
  dialect: DialectName | 'auto'
}

/** What a deployment is driven as: the model that is named, else what its names say, else the guide's default. */
export function resolveModel(catalog: ModelCatalog, { model: named, names, dialect }: DeploymentNames): Resolution {
  const asNamed = named === undefined ? undefined : recognizeName(catalog, named)
  const [surest] = names
    .map((name) => recognizeName(catalog, name))
    .filter((found) => found !== undefined)
    .toSorted((a, b) => order.indexOf(a.recognition) - order.indexOf(b.recognition))
  const found = asNamed ?? surest
  // A model that says nothing on a route that is chosen is one of that route, unless the deployment is known there.
  const isHeard = asNamed !== undefined || named === undefined || isOnRoute(found?.model, dialect)
  if (found !== undefined && isHeard) return onDialect(found, dialect)
  const name = named ?? names[0] ?? ''
  const usual = catalog.find(defaultModelId)
  if (usual === undefined || (dialect !== 'auto' && (named !== undefined || !usual.dialects.includes(dialect)))) {
    return { model: catalog.resolve(name, dialect), recognition: 'route', name }
  }
  return { model: usual, recognition: 'default', name }
}

/** Whether the table knows the model on the route that is chosen; by default it is one of the model's own. */
export function isOnRoute(model: Model | undefined, dialect: DialectName | 'auto'): boolean {
  return dialect === 'auto' || model?.dialects.includes(dialect) === true
}

/** A family says little beside a route that the operator has chosen and that the family does not have. */
function onDialect(found: Resolution, dialect: DialectName | 'auto'): Resolution {
  if (dialect === 'auto' || found.recognition !== 'family' || isOnRoute(found.model, dialect)) return found
  return { ...found, model: { ...unknownModels[dialect], id: found.model.id }, recognition: 'route' }
}

/** Each deployment by name, with what it is driven as. */
export function describeDeployments(
  deployments: readonly { name: string; model: string; recognition: Recognition }[],
): Record<string, string> {
  return Object.fromEntries(deployments.map((deployment) => [deployment.name, describeResolution(deployment)]))
}

/** What a deployment is driven as, and how sure that is; for a log line, `--check` and `/ready`. */
export function describeResolution({ model, recognition }: { model: string; recognition: Recognition }): string {
  switch (recognition) {
    case 'exact':
      return model
    case 'begins':
      return `${model} (the name begins with it)`
    case 'contains':
      return `${model} (the name holds it)`
    case 'family':
      return `${model} (an unknown model of a known family)`
    case 'route':
      return `${model} (an unknown model of the chosen route)`
    case 'default':
      return `${model} (the default: the name says nothing)`
    default:
      return recognition satisfies never
  }
}
