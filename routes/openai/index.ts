import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Operation } from '../../schemas/models.ts'
import { ImageGenerationRequestSchema } from '../../schemas/openai.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { defaultTiming } from '../../services/mcp/timeouts.ts'
import { deploymentsFor } from '../../services/tools/select-deployment.ts'
import { addBodyParser, addTypeParser } from '../shared/body-parser.ts'
import { createContexts, HttpContext } from '../shared/context.ts'
import { readableByPages } from '../shared/cors.ts'
import { editArguments, parseEditForm, readEdit } from './edit-request.ts'
import { addErrorHandler } from './errors.ts'
import { createImageCalls, requireTool } from './image-calls.ts'
import { addModels } from './models.ts'
import { RequestError } from './request-error.ts'
import { parseRequest } from './request-parser.ts'
import { createRetries } from './retries.ts'
import { toToolArguments } from './tool-arguments.ts'
import { createValidation } from './validation.ts'

async function rejectPath({ method, url }: FastifyRequest): Promise<never> {
  const path = `${method} ${url.split('?')[0]}`.slice(0, 120)
  const sentence = `There is no ${path} here, only OpenAI's image API: POST /v1/images/generations and /v1/images/edits, GET /v1/models.`
  throw new RequestError(sentence, { status: 404, code: 'unknown_url' })
}

/** OpenAI's image API under /v1. The hooks are in autohooks.ts; errors have OpenAI's shape. */
export default async function openai(fastify: FastifyInstance): Promise<void> {
  const { config, appOptions, mcp, azureImages, links, library } = fastify
  if (!config.server.hasOpenAiApi) return
  const timing = { ...defaultTiming, ...appOptions.timing }
  const contextOf = createContexts(fastify, 'openai', timing, HttpContext)
  const retries = createRetries()
  const runImageCall = createImageCalls(fastify, contextOf, retries, timing)
  const features = {
    hasLinks: links !== undefined,
    delivery: library === undefined ? undefined : config.library.delivery,
  }
  const offerOf = (operation: Operation) => ({
    operation,
    deployments: deploymentsFor(operation, azureImages),
    ...features,
  })
  addBodyParser(fastify, { ...timing, parse: parseRequest })
  addErrorHandler(fastify, contextOf, retries)

  const route = { bodyLimit: config.limits.maxBodyBytes, config: { cors: readableByPages }, helmet: false as const }

  const validateGeneration = createValidation(ImageGenerationRequestSchema)
  fastify.post('/v1/images/generations', route, (request, reply) => {
    const { style: _, ...members } = validateGeneration(request.body)
    const offer = offerOf('generate')
    const tool = requireTool(mcp.toolOf('generate_image'))
    return runImageCall(request, reply, {
      tool,
      args: toToolArguments(members, offer),
      request: members,
      event: 'image_generation',
    })
  })
  addModels(fastify, route)
  for (const url of ['/v1/images/generations', '/v1/models', '/v1/models/:id']) {
    fastify.options(url, route, async () => undefined)
  }
  // Before the body: without credentials nothing is read.
  fastify.all('/v1/*', { ...route, onRequest: rejectPath }, rejectPath)

  // A plugin of its own: no other route takes forms.
  await fastify.register(async function edits(scope) {
    const maxImageBytes = config.images.maxBytes
    addTypeParser(scope, /^multipart\/form-data(?:;|$)/i, {
      ...timing,
      parse: (body, pool, contentType) => parseEditForm(body, contentType, { pool, maxImageBytes }),
    })
    scope.addContentTypeParser('*', function rejectType(_request, _payload, done) {
      done(new Rejection(415, 'Send a form (multipart/form-data) or JSON (application/json).'))
    })
    scope.post('/v1/images/edits', route, (request, reply) => {
      const edit = readEdit(request.body)
      const args = editArguments(edit, offerOf('edit'), library !== undefined)
      return runImageCall(request, reply, {
        tool: requireTool(mcp.toolOf('edit_image')),
        args,
        request: edit.members,
        event: 'image_edit',
      })
    })
    scope.options('/v1/images/edits', route, async () => undefined)
  })
}
