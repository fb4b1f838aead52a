import type { DialectName, Model } from '../../../schemas/models.ts'
import { type Family, families, unknownModels } from './families.ts'
import type { ModelCatalog } from './model-catalog.ts'
import { normalizeName } from './normalize-name.ts'

/**
 * How a model was recognized, in order of certainty: the name is the id of a row, begins with one, contains one
 * (`prod-gpt-image-2`), belongs to a family (`gpt-image-9`), only the route is known, or the name is not recognized.
 */
export type Recognition = 'exact' | 'begins' | 'contains' | 'family' | 'route' | 'default'

export interface Resolution {
  model: Model
  recognition: Recognition
  /** The name of the model or deployment that was recognized. */
  name: string
}

/** The model of the guide's deployments, whatever their names. */
const DEFAULT_MODEL_ID = 'FLUX.1-Kontext-pro'

/** The longer id is more specific. */
function longest(rows: readonly [string, Model][]): [string, Model] | undefined {
  return rows.reduce<[string, Model] | undefined>(
    (best, row) => (best === undefined || row[0].length > best[0].length ? row : best),
    undefined,
  )
}

/**
 * Recognizes a model by a name. Case does not matter, and dots, dashes and underscores are equivalent. An id must be
 * delimited by such separators: `gpt-image-20` is not `gpt-image-2`.
 */
export function recognizeName(catalog: ModelCatalog, name: string): Resolution | undefined {
  const exact = catalog.find(name) ?? findCompact(catalog, name)
  if (exact !== undefined) return { model: exact, recognition: 'exact', name }
  const normal = normalizeName(name)
  // Aliases are whatever the operator likes, such as "prod", and say nothing as a part of a name.
  const rows = [...catalog.rows].filter(([id, row]) => id === normalizeName(row.id))
  const begins = longest(rows.filter(([id]) => normal.startsWith(`${id}-`)))
  if (begins !== undefined) return { model: sibling(name, begins), recognition: 'begins', name }
  // An id of a single word, which a models file may define, is too ambiguous inside a name.
  const contains = longest(rows.filter(([id]) => id.includes('-') && `-${normal}-`.includes(`-${id}-`)))
  if (contains !== undefined) return { model: sibling(name, contains), recognition: 'contains', name }
  const model = ofFamily(name, normal)
  return model && { model, recognition: 'family', name }
}

/**
 * The row of an id or alias from which separators were left out, such as `gptimage1` or `gpt-image1.5`. Between digits they
 * count unless the name has none at all: `gpt-image-15` is not `gpt-image-1.5`.
 */
function findCompact({ rows }: ModelCatalog, name: string): Model | undefined {
  const separators = /[._-]/.test(name) ? /-(?!\d)|(?<!\d)-/g : /-/g
  const compact = (text: string) => normalizeName(text).replaceAll(separators, '')
  const wanted = compact(name)
  const found = new Set([...rows].flatMap(([id, row]) => (compact(id) === wanted ? [row] : [])))
  const [row] = found
  return found.size === 1 ? row : undefined
}

/** Words that distinguish models of one version; the suffix of a deployment's name is rarely one of them. */
const variants: ReadonlySet<string> = new Set(
  'mini nano lite flash fast turbo express pro plus max ultra hd xl flex klein schnell fill canny depth redux flare sunburst preview'.split(
    ' ',
  ),
)

/**
 * The row; without price and retirement, and with the path of its family, if the name continues with another version or
 * variant, such as `gpt-image-2.6` or `gpt-image-2-mini`: these may differ between siblings.
 */
function sibling(name: string, [id, model]: [string, Model]): Model {
  // Words at even indexes, separators between them.
  const parts = name.toLowerCase().split(/([._-]+)/)
  const words = parts.filter((_part, place) => place % 2 === 0)
  const idWords = id.split('-')
  const start = words.findIndex((_word, place) => idWords.every((word, offset) => words[place + offset] === word))
  const next = start + idWords.length
  const [word = '', following = ''] = words.slice(next)
  // A longer number is likely a date.
  const isNumber = /^\d{1,2}$/.test(word)
  const isOther = variants.has(word) || (isNumber && (parts[2 * next - 1] === '.' || variants.has(following)))
  if (!isOther) return model
  const { price: _price, retires: _retires, ...abilities } = model
  const providerPath = abilities.providerPath && providerPathOf(familyOf(normalizeName(name)), normalizeName(name))
  return { ...abilities, ...(providerPath === undefined ? {} : { providerPath }) }
}

/** Whether two names may belong to the same family; a name without a family is compatible with any. */
export function isSameFamily(one: string, other: string): boolean {
  const [a, b] = [familyOf(normalizeName(one)), familyOf(normalizeName(other))]
  return a === undefined || b === undefined || a === b
}

function familyOf(normal: string): Family | undefined {
  return families.find(({ pattern }) => pattern.test(normal))
}

function providerPathOf(family: Family | undefined, normal: string): string | undefined {
  return family?.providerPath?.(normal.slice(normal.search(family.pattern)))
}

function ofFamily(name: string, normal: string): Model | undefined {
  const family = familyOf(normal)
  if (family === undefined) return undefined
  const path = providerPathOf(family, normal)
  return { ...family.row, id: name, ...(path === undefined ? {} : { providerPath: path }) }
}

const order: readonly Recognition[] = ['exact', 'begins', 'contains', 'family', 'route', 'default']

/** Names of one deployment. */
export interface DeploymentNames {
  /** The configured model. */
  model: string | undefined
  /** Names of the deployment, in order of preference; a more certain recognition takes precedence. */
  names: readonly string[]
  dialect: DialectName | 'auto'
}

/** The model of a deployment: the configured one, else one recognized by its names, else the guide's default. */
export function resolveModel(catalog: ModelCatalog, { model: named, names, dialect }: DeploymentNames): Resolution {
  const asNamed = named === undefined ? undefined : recognizeName(catalog, named)
  const [mostCertain] = names
    .map((name) => recognizeName(catalog, name))
    .filter((found) => found !== undefined)
    .toSorted((a, b) => order.indexOf(a.recognition) - order.indexOf(b.recognition))
  const found = asNamed ?? mostCertain
  // An unknown model on a configured route counts as one of that route, unless the deployment's name is known there.
  const isUsable = asNamed !== undefined || named === undefined || isOnRoute(found?.model, dialect)
  if (found !== undefined && isUsable) return onDialect(found, dialect)
  const name = named ?? names[0] ?? ''
  const fallback = catalog.find(DEFAULT_MODEL_ID)
  if (fallback === undefined || (dialect !== 'auto' && (named !== undefined || !fallback.dialects.includes(dialect)))) {
    return { model: catalog.resolve(name, dialect), recognition: 'route', name }
  }
  return { model: fallback, recognition: 'default', name }
}

/** Whether the model is available on the configured route; `auto` uses one of the model's own. */
export function isOnRoute(model: Model | undefined, dialect: DialectName | 'auto'): boolean {
  return dialect === 'auto' || model?.dialects.includes(dialect) === true
}

/** A configured route that the family does not have takes precedence over the guessed family. */
function onDialect(found: Resolution, dialect: DialectName | 'auto'): Resolution {
  if (dialect === 'auto' || found.recognition !== 'family' || isOnRoute(found.model, dialect)) return found
  return { ...found, model: { ...unknownModels[dialect], id: found.model.id }, recognition: 'route' }
}

/** The description of each deployment's model, by name. */
export function describeDeployments(
  deployments: readonly { name: string; model: string; recognition: Recognition }[],
): Record<string, string> {
  return Object.fromEntries(deployments.map((deployment) => [deployment.name, describeResolution(deployment)]))
}

/** The model and how it was recognized, for logs, `--check` and `/ready`. */
export function describeResolution({ model, recognition }: { model: string; recognition: Recognition }): string {
  switch (recognition) {
    case 'exact':
      return model
    case 'begins':
      return `${model} (the name begins with it)`
    case 'contains':
      return `${model} (the name contains it)`
    case 'family':
      return `${model} (an unknown model of a known family)`
    case 'route':
      return `${model} (an unknown model of the configured route)`
    case 'default':
      return `${model} (the default: the name is not recognized)`
    default:
      return recognition satisfies never
  }
}
