import type { FastifyInstance, FastifyRequest, RouteShorthandOptions } from 'fastify'
import Type from 'typebox'
import { ModelListSchema, ModelSchema } from '../../schemas/openai.ts'
import type { DeploymentInfo } from '../../services/azure/types.ts'
import { allowsModel } from '../../services/calls/policy/violations.ts'
import { serviceError } from '../../services/errors/errors.ts'

/** Models have no date of their own here; clients require one. */
const CREATED = Math.floor(Date.UTC(2025, 0) / 1000)

/** `GET /v1/models` and `GET /v1/models/{id}`: what callers may name as their model. */
export function addModels(fastify: FastifyInstance, route: RouteShorthandOptions): void {
  const { azureImages } = fastify

  /** Those that no rule denies the caller. */
  function modelsOf({ caller }: FastifyRequest) {
    const { isEnforced, rules } = fastify.policy?.source.of(caller) ?? { isEnforced: false, rules: [] }
    return azureImages.deployments.filter(
      ({ name, model }) => !isEnforced || rules.every((rule) => allowsModel(rule, { deployment: name, model })),
    )
  }

  fastify.get('/v1/models', { ...route, schema: { response: { 200: ModelListSchema } } }, async (request) => ({
    object: 'list' as const,
    data: modelsOf(request).map(describe),
  }))
  fastify.get<{ Params: { id: string } }>(
    '/v1/models/:id',
    { ...route, schema: { params: Type.Object({ id: Type.String() }), response: { 200: ModelSchema } } },
    async (request) => {
      const models = modelsOf(request)
      const found = models.find(({ name }) => name === request.params.id)
      if (found === undefined) throw serviceError('IMG_ERR_MODEL_UNKNOWN', [models.map(({ name }) => name)])
      return describe(found)
    },
  )
}

const describe = ({ name }: DeploymentInfo) => ({
  id: name,
  object: 'model' as const,
  created: CREATED,
  owned_by: 'azure',
})
