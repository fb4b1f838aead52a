import type { Model } from '../../../schemas/models.ts'

/**
 * The models that Azure AI Foundry deploys, as its documentation and users' reports describe them in November 2026.
 * Where a live Azure disagrees it is right: `AZURE_MODELS_FILE` changes any row without a release.
 *
 * Sources: Microsoft Learn, "Azure OpenAI image generation" and "Foundry Models sold directly by Azure"
 * (https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/dall-e,
 * https://learn.microsoft.com/en-us/azure/foundry/foundry-models/concepts/models-sold-directly-by-azure),
 * retirement dates from https://learn.microsoft.com/en-us/azure/foundry/openai/concepts/model-retirement-schedule
 */

const megapixel = 1_048_576
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
// Input fidelity: sources disagree for this model, and without the field every source works.
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
  maxPixels: megapixel,
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
  maxPixels: 4 * megapixel,
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
  maxPixels: megapixel,
  maxRatio: 1365 / 768,
}
const mai = {
  ...plain,
  dialects: ['mai'],
  generateSize: maiSizes,
  editSize: none,
  maxImages: 1,
  formats: ['png'],
  maxPromptCharacters: 100_000,
  promptAdvice: 'English prompts work best.',
} satisfies Partial<Model>

const mai26Sizes = { ...maiSizes, maxEdge: 3072, maxPixels: 2_359_296, maxRatio: 4 }
const mai26 = { ...mai, generateSize: mai26Sizes, grounding: true } satisfies Partial<Model>

export const modelTable: readonly Model[] = [
  {
    ...flux1,
    id: 'FLUX.1-Kontext-pro',
    providerPath: 'flux-kontext-pro',
    // The deployment route ignores a size on edits and makes 1024x1024; the provider route takes a shape.
    editSize: kontextSizes,
    aspectRatios: ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9', '9:21'],
    maxImages: 1,
    promptAdvice: 'English prompts work best.',
    price: { asOf: '2026-08-24', image: 0.04 },
  },
  {
    ...flux1,
    id: 'FLUX-1.1-pro',
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
    price: { asOf: '2026-09-01', image: 0.04 },
  },
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
    retires: '2026-12-16',
    price: { asOf: '2025-12-22', textIn: 5, imageIn: 8, imageOut: 32 },
  },
  {
    ...gptImage2,
    id: 'gpt-image-2',
    retires: '2027-04-21',
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
  { ...mai, id: 'MAI-Image-2.5', price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 47 } },
  { ...mai, id: 'MAI-Image-2.5-Flash', price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 1.75, imageOut: 19.5 } },
  { ...mai, id: 'MAI-Image-2.5-Pro', price: { asOf: '2026-09-04', textIn: 5, imageIn: 8, imageOut: 106 } },
  { ...mai26, id: 'MAI-Image-2.6', price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 38 } },
  { ...mai26, id: 'MAI-Image-2.6-Flash', price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 2.5, imageOut: 19 } },
]

/** What a model that nobody has described can do, by the dialect it is reached through. */
export const unknownModels: Readonly<Record<Model['dialects'][number], Omit<Model, 'id'>>> = {
  deployments: { ...gptImage2, inputFidelities: [], dialects: ['deployments'] },
  v1: { ...gptImage2, inputFidelities: [], dialects: ['v1'] },
  bfl: { ...flux2, dialects: ['bfl'], maxImages: 8 },
  mai: { ...mai26, dialects: ['mai'] },
}
