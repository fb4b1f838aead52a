import type { DialectName, Model } from '../../../schemas/models.ts'

/**
 * The image models of Azure AI Foundry, by its documentation and users' reports of November 2026. If Azure behaves
 * differently, `AZURE_MODELS_FILE` corrects any row without a release.
 *
 * Sources: Microsoft Learn, "Azure OpenAI image generation" and "Foundry Models sold directly by Azure"
 * (https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/dall-e,
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/concepts/models-sold-directly-by-azure),
 * retirement dates from https://learn.microsoft.com/en-us/azure/foundry/openai/concepts/model-retirement-schedule
 * (version of 2026-09-02)
 */

const MEGAPIXEL = 1_048_576
const none = { kind: 'none' } as const

const plain = {
  operations: ['generate', 'edit'],
  aspectRatios: [],
  maxCount: 1,
  mask: false,
  seed: false,
  qualities: [],
  formats: ['png', 'jpeg'],
  choosesFormat: false,
  compression: false,
  backgrounds: [],
  inputFidelities: [],
  grounding: false,
  streaming: false,
} satisfies Partial<Model>

const gptSizes = { kind: 'choices' as const, sizes: ['1024x1024', '1024x1536', '1536x1024'] }
const gptImage = {
  ...plain,
  dialects: ['deployments', 'v1'],
  generateSize: gptSizes,
  editSize: gptSizes,
  maxCount: 10,
  maxImages: 16,
  mask: true,
  qualities: ['low', 'medium', 'high', 'auto'],
  choosesFormat: true,
  compression: true,
  backgrounds: ['transparent', 'opaque', 'auto'],
  inputFidelities: ['low', 'high'],
  streaming: true,
  maxPromptCharacters: 32_000,
} satisfies Partial<Model>

const gpt2Sizes = {
  kind: 'range' as const,
  step: 16,
  minEdge: 16,
  maxEdge: 3840,
  minPixels: 655_360,
  maxPixels: 8_294_400,
  maxRatio: 3,
}
// Without input fidelity, since sources disagree on whether this model accepts the field.
const gptImage2 = {
  ...gptImage,
  generateSize: gpt2Sizes,
  editSize: gpt2Sizes,
  inputFidelities: [],
} satisfies Partial<Model>

const gptImage25 = {
  ...gptImage2,
  qualities: ['low', 'medium', 'high', 'xhigh', 'max', 'auto'],
} satisfies Partial<Model>

const kontextSizes = {
  kind: 'range' as const,
  step: 16,
  minEdge: 256,
  maxEdge: 2048,
  minPixels: 65_536,
  maxPixels: MEGAPIXEL,
  maxRatio: 21 / 9,
}
const flux1 = {
  ...plain,
  dialects: ['bfl', 'deployments'],
  generateSize: kontextSizes,
  seed: true,
  choosesFormat: true,
  maxPromptCharacters: 20_000,
} satisfies Partial<Model>

const flux2Sizes = {
  kind: 'range' as const,
  step: 16,
  minEdge: 256,
  maxEdge: 4096,
  minPixels: 65_536,
  maxPixels: 4 * MEGAPIXEL,
  maxRatio: 16,
}
const flux2 = {
  ...plain,
  dialects: ['bfl'],
  generateSize: flux2Sizes,
  editSize: flux2Sizes,
  seed: true,
  choosesFormat: true,
  guidance: { minimum: 1.5, maximum: 10 },
  maxPromptCharacters: 100_000,
} satisfies Partial<Model>

const maiSizes = {
  kind: 'range' as const,
  step: 16,
  minEdge: 768,
  maxEdge: 1365,
  minPixels: 589_824,
  maxPixels: MEGAPIXEL,
  maxRatio: 1365 / 768,
}
// Several images of an edit repeat the field: https://github.com/vercel/ai (azure-mai-image-model.ts, October 2026).
const mai = {
  ...plain,
  dialects: ['mai'],
  generateSize: maiSizes,
  editSize: none,
  maxImages: 5,
  imagesField: 'image',
  formats: ['png'],
  maxPromptCharacters: 100_000,
  promptAdvice: 'English prompts work best.',
} satisfies Partial<Model>

const mai26Sizes = { ...maiSizes, maxEdge: 3072, maxPixels: 2_359_296, maxRatio: 4 }
const mai26 = {
  ...mai,
  generateSize: mai26Sizes,
  editSize: mai26Sizes,
  grounding: true,
} satisfies Partial<Model>

const mai27Sizes = { ...maiSizes, maxEdge: 5461, maxPixels: 4 * MEGAPIXEL, maxRatio: 5461 / 768 }
// Whether it accepts the two grounding fields of 2.6 is not documented.
const mai27 = {
  ...mai,
  generateSize: mai27Sizes,
  editSize: mai27Sizes,
  backgrounds: ['transparent', 'opaque'],
} satisfies Partial<Model>

const mai25Retires = '2026-10-01'

const kontext = {
  ...flux1,
  providerPath: 'flux-kontext-pro',
  // The deployment route ignores the size of edits and returns 1024x1024; the provider route accepts an aspect ratio.
  editSize: kontextSizes,
  aspectRatios: ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9', '9:21'],
  maxImages: 1,
  promptAdvice: 'English prompts work best.',
} satisfies Partial<Model>

const flux11 = {
  ...flux1,
  providerPath: 'flux-pro-1.1',
  operations: ['generate'],
  generateSize: {
    ...kontextSizes,
    step: 32,
    maxEdge: 1440,
    maxPixels: 1_600_000,
    maxRatio: 5,
  },
  editSize: none,
  maxImages: 0,
  promptAdvice: 'English prompts work best.',
} satisfies Partial<Model>

export const modelTable: readonly Model[] = [
  { ...kontext, id: 'FLUX.1-Kontext-pro', price: { asOf: '2026-08-24', image: 0.04 } },
  { ...flux11, id: 'FLUX-1.1-pro', price: { asOf: '2026-09-01', image: 0.04 } },
  {
    ...flux2,
    id: 'FLUX.2-pro',
    providerPath: 'flux-2-pro',
    maxImages: 8,
    price: { asOf: '2026-08-31', megapixelIn: 0.015, megapixelOut: 0.015, firstMegapixelOut: 0.015 },
  },
  {
    ...flux2,
    id: 'FLUX.2-flex',
    providerPath: 'flux-2-flex',
    maxImages: 10,
    steps: { minimum: 1, maximum: 50 },
    price: { asOf: '2026-08-31', megapixelIn: 0.05, megapixelOut: 0.05 },
  },
  { ...gptImage, id: 'gpt-image-1', retires: '2026-10-23' },
  { ...gptImage, id: 'gpt-image-1-mini', inputFidelities: [], retires: '2027-04-07' },
  {
    ...gptImage,
    id: 'gpt-image-1.5',
    retires: '2027-06-16',
    price: { asOf: '2025-12-22', textIn: 5, imageIn: 8, imageOut: 32 },
  },
  {
    ...gptImage2,
    id: 'gpt-image-2',
    retires: '2027-10-21',
    price: { asOf: '2026-04-22', textIn: 5, imageIn: 8, imageOut: 30 },
  },
  {
    ...gptImage25,
    id: 'gpt-image-2.5-flare',
    retires: '2027-09-08',
    price: { asOf: '2026-09-19', textIn: 5, imageIn: 8, imageOut: 30 },
  },
  {
    ...gptImage25,
    id: 'gpt-image-2.5-sunburst',
    retires: '2027-09-08',
    price: { asOf: '2026-09-19', textIn: 5, imageIn: 8, imageOut: 30 },
  },
  {
    ...mai,
    id: 'MAI-Image-2.5',
    retires: mai25Retires,
    price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 47 },
  },
  {
    ...mai,
    id: 'MAI-Image-2.5-Flash',
    retires: mai25Retires,
    price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 1.75, imageOut: 19.5 },
  },
  {
    ...mai,
    id: 'MAI-Image-2.5-Pro',
    retires: mai25Retires,
    price: { asOf: '2026-09-04', textIn: 5, imageIn: 8, imageOut: 106 },
  },
  { ...mai26, id: 'MAI-Image-2.6', price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 38 } },
  { ...mai26, id: 'MAI-Image-2.6-Flash', price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 2.5, imageOut: 19 } },
  { ...mai27, id: 'MAI-Image-2.7', price: { asOf: '2026-11-20', textIn: 5, imageIn: 8, imageOut: 34 } },
  { ...mai27, id: 'MAI-Image-2.7-Flash' },
]

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
