import type { Model, Source, Sources } from '../../../schemas/models.ts'
import { flux2, flux11, gptImage, gptImage2, gptImage25, kontext, mai, mai26, mai27 } from './base-rows.ts'
import {
  gptImage2Tokens,
  gptImage2TokensSource,
  gptImageMiniTokens,
  gptImageMiniTokensSource,
  gptImageTokens,
  gptImageTokensSource,
  maiTokens,
  maiTokensSource,
} from './tokens.ts'

/**
 * The image models of Azure AI Foundry. If Azure behaves differently, `AZURE_MODELS_FILE` corrects any row without a
 * release. `npm run check:release` fails if a source was not looked at in the 120 days before a release.
 */

/** A row of this table: every fact has a source, a missing price or date the place where none was found. */
export type ShippedModel = Model & { sources: Sources }

const on = (checked: string, url: string): Source => ({ url, checked })
const learn = 'https://learn.microsoft.com/en-us/azure/foundry'
const github = 'https://github.com'

const gptImageGuide = on('2026-11-22', `${learn}/openai/how-to/dall-e`)
const modelOverview = on('2026-11-26', `${learn}/foundry-models/concepts/models-sold-directly-by-azure`)
const retirements = on('2026-11-26', `${learn}/openai/concepts/model-retirement-schedule`)
/** Azure's list prices by meter, such as `Image 2 img cd inp Gl 1M Tokens`. */
const retailPrices = on('2026-11-26', 'https://prices.azure.com/api/retail/prices')
const openaiPrices = (id: string) => on('2026-11-26', `https://developers.openai.com/api/docs/models/${id}`)
/** The page says "N/A" for cached input of MAI models. */
const maiPrices = on('2026-11-26', 'https://azure.microsoft.com/en-us/pricing/details/ai-foundry-models/microsoft/')
const mai26Prices = on(
  '2026-11-26',
  'https://techcommunity.microsoft.com/blog/azure-ai-foundry-blog/mai-image-2-6-and-mai-image-2-6-flash-quality-and-speed-at-production-scale/4550970',
)
/** Limits, the repeated field `image`, and the size of edits. */
const maiClient = on('2026-11-26', `${github}/vercel/ai/blob/main/packages/azure/src/azure-mai-image-model.ts`)
const gptImage25OnAzure = on('2026-11-26', `${github}/theopenco/llmgateway/pull/4147`)

const fluxSources = (price: Source): Sources => ({ capabilities: modelOverview, price, retirement: retirements })
const gptImageSources = (price: Source, tokens = gptImageTokensSource): Sources => ({
  capabilities: gptImageGuide,
  price,
  tokens,
  retirement: retirements,
})
const gptImage25Sources: Sources = {
  capabilities: on('2026-11-26', `${github}/theopenco/llmgateway/pull/3985`),
  price: gptImage25OnAzure,
  tokens: gptImage2TokensSource,
  retirement: gptImage25OnAzure,
}
const maiSources = (price: Source, capabilities = modelOverview): Sources => ({
  capabilities,
  price,
  tokens: maiTokensSource,
  retirement: retirements,
})
const flux2Prices = on('2026-11-26', `${github}/pollinations/pollinations/pull/14190`)

const mai25Retires = '2026-10-01'
const gptImage25Price = {
  asOf: '2026-09-19',
  textIn: 5,
  textInCached: 1.25,
  imageIn: 8,
  imageInCached: 2,
  imageOut: 30,
}

export const modelTable: readonly ShippedModel[] = [
  {
    ...kontext,
    id: 'FLUX.1-Kontext-pro',
    price: { asOf: '2026-08-24', image: 0.04 },
    sources: fluxSources(on('2026-11-26', `${github}/pollinations/pollinations/pull/13836`)),
  },
  {
    ...flux11,
    id: 'FLUX-1.1-pro',
    price: { asOf: '2025-08-25', image: 0.04 },
    sources: fluxSources(retailPrices),
  },
  {
    ...flux2,
    id: 'FLUX.2-pro',
    providerPath: 'flux-2-pro',
    maxImages: 8,
    price: { asOf: '2026-08-31', megapixelIn: 0.015, megapixelOut: 0.015, firstMegapixelOut: 0.015 },
    sources: fluxSources(flux2Prices),
  },
  {
    ...flux2,
    id: 'FLUX.2-flex',
    providerPath: 'flux-2-flex',
    maxImages: 10,
    steps: { minimum: 1, maximum: 50 },
    price: { asOf: '2026-08-31', megapixelIn: 0.05, megapixelOut: 0.05 },
    sources: fluxSources(flux2Prices),
  },
  {
    ...gptImage,
    id: 'gpt-image-1',
    retires: '2026-10-23',
    price: { asOf: '2026-07-31', textIn: 5, textInCached: 1.25, imageIn: 10, imageInCached: 2.5, imageOut: 40 },
    tokens: gptImageTokens,
    sources: gptImageSources(retailPrices),
  },
  {
    ...gptImage,
    id: 'gpt-image-1-mini',
    inputFidelities: [],
    retires: '2027-04-07',
    price: { asOf: '2026-07-22', textIn: 2, textInCached: 0.2, imageIn: 2.5, imageInCached: 0.25, imageOut: 8 },
    tokens: gptImageMiniTokens,
    sources: gptImageSources(openaiPrices('gpt-image-1-mini'), gptImageMiniTokensSource),
  },
  {
    ...gptImage,
    id: 'gpt-image-1.5',
    retires: '2027-06-16',
    price: { asOf: '2026-07-22', textIn: 5, textInCached: 1.25, imageIn: 8, imageInCached: 2, imageOut: 32 },
    tokens: gptImageTokens,
    sources: gptImageSources(openaiPrices('gpt-image-1.5')),
  },
  {
    ...gptImage2,
    id: 'gpt-image-2',
    retires: '2027-10-21',
    price: { asOf: '2026-07-31', textIn: 5, textInCached: 1.25, imageIn: 8, imageInCached: 2, imageOut: 30 },
    tokens: gptImage2Tokens,
    sources: gptImageSources(retailPrices, gptImage2TokensSource),
  },
  {
    ...gptImage25,
    id: 'gpt-image-2.5-flare',
    retires: '2027-09-08',
    price: gptImage25Price,
    tokens: gptImage2Tokens,
    sources: gptImage25Sources,
  },
  {
    ...gptImage25,
    id: 'gpt-image-2.5-sunburst',
    retires: '2027-09-08',
    price: gptImage25Price,
    tokens: gptImage2Tokens,
    sources: gptImage25Sources,
  },
  {
    ...mai,
    id: 'MAI-Image-2.5',
    retires: mai25Retires,
    price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 47 },
    tokens: maiTokens,
    sources: maiSources(maiPrices),
  },
  {
    ...mai,
    id: 'MAI-Image-2.5-Flash',
    retires: mai25Retires,
    price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 1.75, imageOut: 19.5 },
    tokens: maiTokens,
    sources: maiSources(maiPrices),
  },
  {
    ...mai,
    id: 'MAI-Image-2.5-Pro',
    retires: mai25Retires,
    price: { asOf: '2026-09-04', textIn: 5, imageIn: 8, imageOut: 106 },
    tokens: maiTokens,
    sources: maiSources(maiPrices),
  },
  {
    ...mai26,
    id: 'MAI-Image-2.6',
    price: { asOf: '2026-09-06', textIn: 5, imageIn: 8, imageOut: 38 },
    tokens: maiTokens,
    sources: maiSources(mai26Prices),
  },
  {
    ...mai26,
    id: 'MAI-Image-2.6-Flash',
    price: { asOf: '2026-09-06', textIn: 1.75, imageIn: 2.5, imageOut: 19 },
    tokens: maiTokens,
    sources: maiSources(mai26Prices),
  },
  {
    ...mai27,
    id: 'MAI-Image-2.7',
    price: { asOf: '2026-11-20', textIn: 5, imageIn: 8, imageOut: 34 },
    tokens: maiTokens,
    sources: maiSources(on('2026-11-26', 'https://openrouter.ai/microsoft/mai-image-2.7'), maiClient),
  },
  { ...mai27, id: 'MAI-Image-2.7-Flash', tokens: maiTokens, sources: maiSources(maiPrices, maiClient) },
]
