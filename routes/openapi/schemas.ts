import {
  ErrorResponseSchema,
  ImageEditEventSchema,
  ImageEditFormSchema,
  ImageEditRequestSchema,
  ImageGenerationEventSchema,
  ImageGenerationRequestSchema,
  ImagesResponseSchema,
  ModelListSchema,
  ModelSchema,
} from '../../schemas/openai.ts'

/** The components that operations refer to. */
export const schemas = {
  ImageGenerationRequest: ImageGenerationRequestSchema,
  ImageEditRequest: ImageEditRequestSchema,
  ImageEditForm: ImageEditFormSchema,
  ImagesResponse: ImagesResponseSchema,
  ImageGenerationEvent: ImageGenerationEventSchema,
  ImageEditEvent: ImageEditEventSchema,
  Model: ModelSchema,
  ModelList: ModelListSchema,
  ErrorResponse: ErrorResponseSchema,
}

export type SchemaName = keyof typeof schemas
