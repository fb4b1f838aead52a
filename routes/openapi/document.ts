import type { TObject } from 'typebox'
import { ImageEditFormSchema, ImageEditRequestSchema, ImageGenerationRequestSchema } from '../../schemas/openai.ts'
import {
  createImage,
  createImageEdit,
  headers,
  listModels,
  parameters,
  responses,
  retrieveModel,
} from './operations.ts'
import { schemas } from './schemas.ts'

/** What the description depends on. */
export interface DocumentFacts {
  version: string
  /** Where clients reach this service; undefined: unknown. */
  baseUrl: string | undefined
  /** Whether clients need a credential. */
  needsCredential: boolean
  /** What can be named as the model, the default one first; empty: no model can do it. */
  generationModels: readonly string[]
  editModels: readonly string[]
}

/**
 * The second door in OpenAPI 3.1, by the schemas that check its requests. https://spec.openapis.org/oas/v3.1.1
 */
export function openApiDocument(facts: DocumentFacts): object {
  const { version, baseUrl, needsCredential, generationModels, editModels } = facts
  return {
    openapi: '3.1.1',
    info: {
      title: 'Azure Image Editor, image API of OpenAI',
      version,
      description: 'The image models of Azure AI Foundry behind the image API of OpenAI.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    ...(baseUrl === undefined ? {} : { servers: [{ url: baseUrl }] }),
    security: needsCredential ? [{ bearer: [] }] : [],
    tags: [{ name: 'Images' }, { name: 'Models' }],
    paths: {
      ...(generationModels.length === 0 ? {} : { '/v1/images/generations': { post: createImage } }),
      ...(editModels.length === 0 ? {} : { '/v1/images/edits': { post: createImageEdit } }),
      '/v1/models': { get: listModels },
      '/v1/models/{model}': { get: retrieveModel },
    },
    components: {
      schemas: {
        ...schemas,
        ImageGenerationRequest: withModels(ImageGenerationRequestSchema, generationModels),
        ImageEditRequest: withModels(ImageEditRequestSchema, editModels),
        ImageEditForm: withModels(ImageEditFormSchema, editModels),
      },
      headers,
      parameters,
      responses,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key of this service, or an OAuth access token.',
        },
      },
    },
  }
}

/** The schema with the models of this service as the choices of `model`. */
function withModels(schema: TObject, models: readonly string[]): object {
  const [byDefault] = models
  if (byDefault === undefined) return schema
  const model = { ...schema.properties.model, enum: models, default: byDefault }
  return { ...schema, properties: { ...schema.properties, model } }
}
