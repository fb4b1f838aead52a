import Type, { type Static, type TProperties } from 'typebox'

/**
 * The second door: OpenAI's image API, https://developers.openai.com/api/docs/api-reference/images. Requests are validated
 * without their null members, which count as absent. What is ours and not OpenAI's says so in its description.
 */

const optional = <P extends TProperties>(properties: P) => Type.Partial(Type.Object(properties)).properties
const text = (description: string, maxLength: number) => Type.String({ description, minLength: 1, maxLength })
const choice = <V extends string>(values: V[], description: string) =>
  Type.Enum(values, { type: 'string', description })

export const qualities = ['auto', 'low', 'medium', 'high', 'xhigh', 'max', 'standard', 'hd']
export const backgrounds = ['auto', 'transparent', 'opaque']

/** Members of generations and edits. */
const commonMembers = {
  prompt: Type.String({ description: 'What the image shows, or what to change.', minLength: 1, maxLength: 32_000 }),
  ...optional({
    model: text('A model that GET /v1/models lists; the first one by default.', 256),
    n: Type.Integer({ description: 'Images to generate; 1 by default. Each is billed.', minimum: 1, maximum: 10 }),
    size: text('auto, WIDTHxHEIGHT, or (ours) a ratio such as 16:9. Fitted to the nearest size of the model.', 32),
    quality: choice(qualities, 'auto and standard leave it to the model; hd is high.'),
    background: choice(backgrounds, 'transparent requires output_format png.'),
    output_format: choice(['png', 'jpeg', 'webp', 'gif', 'svg'], 'The file format, if the model offers a choice.'),
    output_compression: Type.Integer({ description: 'JPEG quality.', minimum: 0, maximum: 100 }),
    moderation: choice(['auto', 'low'], 'Only auto: the content filter is set on the Azure deployment.'),
    user: Type.String({ description: 'Accepted and not used: receipts name the caller.', maxLength: 1024 }),
    safety_identifier: Type.String({ description: 'Accepted and not used, as user.', maxLength: 1024 }),
    response_format: choice(['b64_json', 'url'], 'url: a signed link of this server, valid for a limited time.'),
    stream: Type.Boolean({ description: 'Server-sent events instead of one JSON response.' }),
    partial_images: Type.Integer({
      description: 'Accepted with stream; partial images are not passed on.',
      minimum: 0,
      maximum: 3,
    }),
    tags: Type.Array(Type.String(), { description: 'Ours: words by which the library finds the image.', maxItems: 16 }),
    output_path: text("Ours: a file in the server's images folder, which is also written.", 1024),
    idempotency_key: text('Ours: as the header Idempotency-Key.', 128),
    confirm_cost: text('Ours: the code of an error that asked for confirmation of the price.', 32),
    seed: Type.Integer({
      description: 'Ours, where the model has it: the same seed makes a similar image.',
      minimum: 0,
    }),
    aspect_ratio: text('Ours, where the model has it: the shape instead of a size.', 32),
    complexity: choice(['low', 'medium', 'high'], 'Where the model has it.'),
    guidance: Type.Number({ description: 'Ours, where the model has it.' }),
    steps: Type.Integer({ description: 'Ours, where the model has it.' }),
    auto_aspect_ratio: Type.Boolean({ description: 'Ours, where the model has it.' }),
    web_grounding: Type.Boolean({ description: 'Ours, where the model has it.' }),
  }),
}

export const ImageGenerationRequestSchema = Type.Object(
  {
    ...commonMembers,
    ...optional({ style: choice(['vivid', 'natural'], 'Accepted and not used: describe the style in the prompt.') }),
  },
  { additionalProperties: false },
)
export type ImageGenerationRequest = Static<typeof ImageGenerationRequestSchema>

/** What may stand for an image in JSON: one of the two members. */
const ImageReferenceSchema = Type.Object(
  {
    image_url: Type.Optional(
      Type.String({
        description: 'A data URL, or (ours) the id, URI or link of a stored image. Other addresses are not fetched.',
        minLength: 1,
      }),
    ),
    file_id: Type.Optional(text('The id of a stored image (img_…).', 8192)),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
)

const editMembers = {
  ...commonMembers,
  ...optional({ input_fidelity: choice(['low', 'high'], 'Ignored where the model does not have it.') }),
}
const MAX_IMAGES = 16

export const ImageEditRequestSchema = Type.Object(
  {
    images: Type.Array(ImageReferenceSchema, {
      description: 'The image to edit, then others from which to take a face, a style or an object.',
      minItems: 1,
      maxItems: MAX_IMAGES,
    }),
    mask: Type.Optional(ImageReferenceSchema),
    ...editMembers,
  },
  { additionalProperties: false },
)
export type ImageEditRequest = Static<typeof ImageEditRequestSchema>

const file = (description: string) => Type.String({ description, contentMediaType: 'application/octet-stream' })
const maskFile = 'A PNG with transparency, as large as the image. The model may only change where it is transparent.'

/** The same as a form, for its description: it is read as the JSON that it stands for. */
export const ImageEditFormSchema = Type.Object(
  {
    ...editMembers,
    image: Type.Optional(file('The image to edit; the part may repeat. A text names a stored image (ours).')),
    'image[]': Type.Optional(
      Type.Array(file('An image.'), { description: 'As image, for several.', maxItems: MAX_IMAGES }),
    ),
    mask: Type.Optional(file(maskFile)),
  },
  { anyOf: [{ required: ['image'] }, { required: ['image[]'] }] },
)

/** What generations and edits have in common. */
export type CommonRequest = Omit<ImageGenerationRequest, 'style'>

const UsageSchema = Type.Object({
  input_tokens: Type.Integer(),
  input_tokens_details: Type.Object({ image_tokens: Type.Integer(), text_tokens: Type.Integer() }),
  output_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
})
export type ImageUsage = Static<typeof UsageSchema>

const facts = {
  size: Type.Optional(Type.String({ description: 'The true size of the first image, WIDTHxHEIGHT.' })),
  quality: Type.Optional(Type.String({ description: 'As requested.' })),
  background: Type.Optional(Type.String({ description: 'As requested.' })),
  output_format: Type.Optional(Type.String()),
  usage: Type.Optional(UsageSchema),
  notes: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Ours: what is to know of the result, such as a changed size, missing images or their cost.',
    }),
  ),
}

const ImageSchema = Type.Object({
  b64_json: Type.Optional(Type.String({ description: 'The bytes of the image as base64.' })),
  url: Type.Optional(Type.String({ description: 'A signed link, valid for a limited time.' })),
  id: Type.Optional(Type.String({ description: 'Ours: the id of the image in the library (img_…).' })),
})

export const ImagesResponseSchema = Type.Object({
  created: Type.Integer({ description: 'Unix time in seconds.' }),
  data: Type.Array(ImageSchema),
  ...facts,
})
export type ImagesResponse = Static<typeof ImagesResponseSchema>

const imageEventFacts = {
  b64_json: Type.String({ description: 'The bytes of the image as base64.' }),
  created_at: Type.Integer({ description: 'Unix time in seconds.' }),
  size: Type.String({ description: 'The size of the image, WIDTHxHEIGHT.' }),
  quality: facts.quality,
  background: facts.background,
  output_format: facts.output_format,
}

/** @param name `image_generation` or `image_edit` */
const imageEvents = <N extends string>(name: N) =>
  Type.Object({
    type: Type.Literal(`${name}.completed`),
    ...imageEventFacts,
    usage: Type.Optional(UsageSchema),
    id: ImageSchema.properties.id,
    notes: facts.notes,
  })

export const ImageGenerationEventSchema = imageEvents('image_generation')
export const ImageEditEventSchema = imageEvents('image_edit')

export const ModelSchema = Type.Object({
  id: Type.String({ description: 'What requests name as their model.' }),
  object: Type.Literal('model'),
  created: Type.Integer(),
  owned_by: Type.String(),
})
export const ModelListSchema = Type.Object({ object: Type.Literal('list'), data: Type.Array(ModelSchema) })

const nullable = (description: string) => Type.Union([Type.String(), Type.Null()], { description })

export const ErrorResponseSchema = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: nullable('The member of the request that is wrong.'),
    code: nullable('docs/openai.md lists them.'),
  }),
})
export type ErrorResponse = Static<typeof ErrorResponseSchema>
