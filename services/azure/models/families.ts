import type { DialectName, Model } from '../../../schemas/models.ts'
import { flux2, flux11, gptImage2, kontext, mai26 } from './base-rows.ts'

/** What is assumed of models that the table does not have. */

const unknownGptImage = { ...gptImage2, dialects: ['deployments', 'v1'] } satisfies Omit<Model, 'id'>
const unknownFlux2 = { ...flux2, maxImages: 8 } satisfies Omit<Model, 'id'>

/** Capabilities of models without a row, by dialect. */
export const unknownModels: Readonly<Record<DialectName, Omit<Model, 'id'>>> = {
  deployments: { ...unknownGptImage, dialects: ['deployments'] },
  v1: { ...unknownGptImage, dialects: ['v1'] },
  bfl: unknownFlux2,
  mai: mai26,
}

/** A family of models, to which the name of an unknown model may belong. */
export interface Family {
  /** Matches normalized names: lower case, with dashes for dots and underscores. The first family that matches is used. */
  pattern: RegExp
  row: Omit<Model, 'id'>
  /** The model in the path of the provider route, by the part of the name that begins with the match. */
  providerPath?: (name: string) => string
}

const variantOf = (name: string, variants: RegExp, other: string) => variants.exec(name)?.[0] ?? other

export const families: readonly Family[] = [
  { pattern: /gpt-?image/, row: unknownGptImage },
  { pattern: /^mai(?=image|[-\d]|$)|(?<=-)mai-?image/, row: mai26 },
  {
    pattern: /kontext/,
    row: kontext,
    providerPath: (name) => `flux-kontext-${variantOf(name, /max|dev/, 'pro')}`,
  },
  {
    pattern: /flux(-?pro)?-?1-1(?!\d)/,
    row: flux11,
    providerPath: (name) => (name.includes('ultra') ? 'flux-pro-1.1-ultra' : 'flux-pro-1.1'),
  },
  {
    pattern: /flux-?2(?!\d)/,
    row: unknownFlux2,
    providerPath: (name) => `flux-2-${variantOf(name, /flex|max|dev|klein/, 'pro')}`,
  },
  // Later versions resemble the last known version more than the first.
  { pattern: /flux-?[3-9](?!\d)/, row: unknownFlux2, providerPath: (name) => name },
]

/** The route that a name suggests. */
export function guessDialect(id: string): DialectName {
  if (/^mai/i.test(id)) return 'mai'
  return /flux/i.test(id) ? 'bfl' : 'deployments'
}
