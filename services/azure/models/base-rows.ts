import type { Model } from '../../../schemas/models.ts'

/**
 * What the models of one kind have in common, by Azure's documentation and users' reports of November 2026. Rows of
 * `table.ts` are based on these constants; their sources are in the rows.
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
  complexities: [],
  formats: ['png', 'jpeg'],
  choosesFormat: false,
  compression: false,
  backgrounds: [],
  inputFidelities: [],
  grounding: false,
  streaming: false,
} satisfies Partial<Model>

const gptSizes = { kind: 'choices' as const, sizes: ['1024x1024', '1024x1536', '1536x1024'] }
export const gptImage = {
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
export const gptImage2 = {
  ...gptImage,
  generateSize: gpt2Sizes,
  editSize: gpt2Sizes,
  inputFidelities: [],
} satisfies Partial<Model>

export const gptImage25 = {
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
export const flux2 = {
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
export const mai = {
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
export const mai26 = {
  ...mai,
  generateSize: mai26Sizes,
  editSize: mai26Sizes,
  grounding: true,
} satisfies Partial<Model>

const mai27Sizes = { ...maiSizes, maxEdge: 5461, maxPixels: 4 * MEGAPIXEL, maxRatio: 5461 / 768 }
// Whether it accepts the two grounding fields of 2.6 is not documented.
export const mai27 = {
  ...mai,
  generateSize: mai27Sizes,
  editSize: mai27Sizes,
  backgrounds: ['transparent', 'opaque'],
} satisfies Partial<Model>

export const kontext = {
  ...flux1,
  providerPath: 'flux-kontext-pro',
  // The deployment route ignores the size of edits and returns 1024x1024; the provider route accepts an aspect ratio.
  editSize: kontextSizes,
  aspectRatios: ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9', '9:21'],
  maxImages: 1,
  promptAdvice: 'English prompts work best.',
} satisfies Partial<Model>

export const flux11 = {
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
