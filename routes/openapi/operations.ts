import type { SchemaName } from './schemas.ts'

/** Operations, and the components that they share. */

const ref = (kind: 'schemas' | 'responses' | 'headers' | 'parameters', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
})
const schemaRef = (name: SchemaName) => ref('schemas', name)
const json = (name: SchemaName) => ({ 'application/json': { schema: schemaRef(name) } })

export const headers = {
  RequestId: { description: 'Names the request in the log of the server.', schema: { type: 'string' } },
  RetryAfter: { description: 'Seconds after which another attempt makes sense.', schema: { type: 'integer' } },
  ShouldRetry: {
    description: 'false: the request must not be repeated, because it may have been billed or cannot succeed soon.',
    schema: { type: 'string', enum: ['false'] },
  },
}

export const parameters = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'A repeated request with the same key returns the same images for 24 hours, and is not billed again.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
  },
}

interface ErrorRow {
  description: string
  headers?: readonly ('RetryAfter' | 'ShouldRetry')[]
}

/** What clients read of a failure, by its status. */
const errors = {
  BadRequest: { description: '400: the request is not valid, or the model cannot do what it asks for.' },
  Unauthorized: { description: '401: the key or token is missing or not valid.' },
  Forbidden: { description: '403: the host, the web page or a rule of the policy does not allow the request.' },
  NotFound: { description: '404: no such model.' },
  TooSlow: { description: '408: the body arrived too slowly.' },
  Conflict: { description: '409: an earlier request with this key still runs.', headers: ['RetryAfter'] },
  TooLarge: { description: '413: the body is larger than MAX_BODY_BYTES.' },
  UnsupportedType: { description: '415: the body is in another type or encoding.' },
  KeyReused: { description: '422: the idempotency key was used for another request.' },
  AfterSending: {
    description: '424: it failed after it had gone to Azure, so that it may have been billed.',
    headers: ['ShouldRetry'],
  },
  RateLimited: { description: '429: a limit is reached; nothing was sent or billed.', headers: ['RetryAfter'] },
  Internal: { description: '500: a defect of this service; nothing was sent.' },
  Unavailable: { description: '503: overloaded or not ready; nothing was sent or billed.', headers: ['RetryAfter'] },
} satisfies Record<string, ErrorRow>

type ErrorName = keyof typeof errors

const headerNames = { RetryAfter: 'Retry-After', ShouldRetry: 'x-should-retry' } as const

function errorResponse({ description, headers: names = [] }: ErrorRow) {
  const own = names.map((name) => [headerNames[name], ref('headers', name)])
  return {
    description,
    headers: { 'x-request-id': ref('headers', 'RequestId'), ...Object.fromEntries(own) },
    content: json('ErrorResponse'),
  }
}

export const responses = Object.fromEntries(Object.entries(errors).map(([name, row]) => [name, errorResponse(row)]))

const errorsOf = (...names: readonly ErrorName[]) =>
  Object.fromEntries(names.map((name) => [errors[name].description.slice(0, 3), ref('responses', name)]))

const accessErrors = errorsOf('Unauthorized', 'Forbidden', 'RateLimited', 'Internal', 'Unavailable')
const imageErrors = {
  ...errorsOf(
    'BadRequest',
    'NotFound',
    'TooSlow',
    'Conflict',
    'TooLarge',
    'UnsupportedType',
    'KeyReused',
    'AfterSending',
  ),
  ...accessErrors,
}

const imageResponses = (events: SchemaName) => ({
  200: {
    description: 'The images; with stream: true one event for each.',
    headers: { 'x-request-id': ref('headers', 'RequestId') },
    content: { ...json('ImagesResponse'), 'text/event-stream': { schema: schemaRef(events) } },
  },
  ...imageErrors,
})

const example = { prompt: 'A red fox in fresh snow, watercolor', size: '1024x1024' }

export const createImage = {
  operationId: 'createImage',
  tags: ['Images'],
  summary: 'Generates images from a text',
  parameters: [ref('parameters', 'IdempotencyKey')],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: schemaRef('ImageGenerationRequest'), example } },
  },
  responses: imageResponses('ImageGenerationEvent'),
}

const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

const file = { contentType: 'image/png, image/jpeg, image/webp, image/gif' }

export const createImageEdit = {
  operationId: 'createImageEdit',
  tags: ['Images'],
  summary: 'Changes an image as a text describes',
  description: 'As a form with files, or as JSON with data URLs and the names of stored images.',
  parameters: [ref('parameters', 'IdempotencyKey')],
  requestBody: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: schemaRef('ImageEditForm'),
        encoding: { image: file, 'image[]': file, mask: { contentType: 'image/png' } },
      },
      'application/json': {
        schema: schemaRef('ImageEditRequest'),
        example: { prompt: 'Make the sky pink', images: [{ image_url: pixel }] },
      },
    },
  },
  responses: imageResponses('ImageEditEvent'),
}

export const listModels = {
  operationId: 'listModels',
  tags: ['Models'],
  summary: 'Lists what can be named as the model',
  responses: { 200: { description: 'The models.', content: json('ModelList') }, ...accessErrors },
}

export const retrieveModel = {
  operationId: 'retrieveModel',
  tags: ['Models'],
  summary: 'Returns one model',
  parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
  responses: { 200: { description: 'The model.', content: json('Model') }, ...errorsOf('NotFound'), ...accessErrors },
}
