import type { Source, Tokens } from '../../../schemas/models.ts'

/** How many tokens the models count, with where that is known from. */

const checked = '2026-11-27'
const forum = 'https://community.openai.com/t'

export const gptImageTokensSource: Source = {
  url: 'https://developers.openai.com/api/docs/guides/image-generation',
  checked,
}
const gptImageInput = { kind: 'tiles', image: 65, tile: 129, highSquare: 4160, highOther: 6240 } as const
export const gptImageTokens: Tokens = {
  output: {
    kind: 'table',
    qualities: {
      low: { '1024x1024': 272, '1024x1536': 408, '1536x1024': 400 },
      medium: { '1024x1024': 1056, '1024x1536': 1584, '1536x1024': 1568 },
      high: { '1024x1024': 4160, '1024x1536': 6240, '1536x1024': 6208 },
    },
  },
  input: gptImageInput,
}

export const gptImageMiniTokensSource: Source = {
  url: 'https://developers.openai.com/api/docs/models/gpt-image-1-mini',
  checked,
}
/** By its published prices per image; it counts more tokens than gpt-image-1. */
export const gptImageMiniTokens: Tokens = {
  output: {
    kind: 'table',
    qualities: {
      low: { '1024x1024': 625, '1024x1536': 750, '1536x1024': 750 },
      medium: { '1024x1024': 1375, '1024x1536': 1875, '1536x1024': 1875 },
      high: { '1024x1024': 4500, '1024x1536': 6500, '1536x1024': 6500 },
    },
  },
  input: gptImageInput,
}

/** The input: https://community.openai.com/t/openai-must-document-the-input-image-pricing-of-gpt-image-2/1382940 */
export const gptImage2TokensSource: Source = {
  url: `${forum}/gpt-image-2-output-pricing-calculator-online-and-in-your-code/1382699`,
  checked,
}
/** gpt-image-2.5 costs the same for these qualities and for `auto`; its `xhigh` and `max` are not published. */
export const gptImage2Tokens: Tokens = {
  output: { kind: 'grid', qualities: { low: 16, medium: 48, high: 96 } },
  input: { kind: 'patches', maximum: 1536 },
}

/** 1,024 tokens for 1024x1024. That of input images is not published; no higher number was reported. */
export const maiTokensSource: Source = { url: 'https://github.com/BerriAI/litellm/pull/40074', checked }
export const maiTokens: Tokens = {
  output: { kind: 'pixels', pixelsPerToken: 1024 },
  input: { kind: 'image', image: 1024, maximum: 4096 },
}
