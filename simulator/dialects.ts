import { type AzureError, azureError, invalidRequest, missingParameter, noDeployment, notFound } from './azure-error.ts'
import type { Deployment, Deployments } from './deployments.ts'
import { readFluxImageApiJob } from './flux-image-api.ts'
import { inputImageFields, missingFluxModel, readFluxProviderJob } from './flux-provider.ts'
import { readGptImageJob } from './gpt-image.ts'
import type { JobReader } from './job.ts'
import { readMaiJob } from './mai.ts'
import { type Dialect, type Model, models, type Operation } from './models.ts'
import type { Payload } from './payload.ts'

/** One of Azure's image routes. */
export interface Route {
  dialect: Dialect
  url: string
  wants: 'json' | 'form'
  operationOf(payload: Payload): Operation
  /** The deployment named by the path or the body. @throws {AzureError} if it is unknown or missing */
  deploymentOf(params: Params, payload: Payload, deployments: Deployments): Deployment
  /** Checks path and version before the body is read. @throws {AzureError} if the route does not have them */
  checkPath(version: string | null, params: Params, model: Model | undefined): void
  read: JobReader
}

type Params = Readonly<Record<string, string>>

// Versions of the deployment route, oldest first; only the last has edits.
const versions = [
  '2024-02-01',
  '2024-05-01-preview',
  '2024-06-01',
  '2024-10-21',
  '2024-12-01-preview',
  '2025-01-01-preview',
  '2025-02-01-preview',
  '2025-03-01-preview',
  '2025-04-01-preview',
]
const firstWithEdits = '2025-04-01-preview'

const isFlux = (model: Model | undefined): boolean => model?.family === 'flux1' || model?.family === 'flux2'

function checkDatedVersion(operation: Operation, version: string | null, model: Model | undefined): void {
  // FLUX's documentation uses `preview` on this route.
  if (version === 'preview' && isFlux(model)) return
  const known = operation === 'edits' ? versions.slice(versions.indexOf(firstWithEdits)) : versions
  if (version === null || !known.includes(version)) throw notFound()
}

const existing = (deployment: Deployment | undefined): Deployment => {
  if (deployment === undefined) throw noDeployment()
  return deployment
}

const rejectModel = ({ fields }: Payload): AzureError | undefined =>
  'model' in fields
    ? invalidRequest('model_not_found', `The model '${String(fields.model)}' does not exist.`, 'model', 400)
    : undefined

const deploymentScoped = (operation: Operation): Route => ({
  dialect: 'deployments',
  url: `/openai/deployments/:deployment/images/${operation}`,
  wants: operation === 'edits' ? 'form' : 'json',
  operationOf: () => operation,
  deploymentOf: ({ deployment = '' }, _payload, deployments) => existing(deployments.find(deployment)),
  checkPath: (version, _params, model) => checkDatedVersion(operation, version, model),
  read: async (model, asked, payload) => {
    const rejection = rejectModel(payload)
    if (rejection !== undefined) throw rejection
    return model.family === 'gpt-image'
      ? readGptImageJob(model, asked, payload)
      : readFluxImageApiJob(model, asked, payload)
  },
})

const withoutModel = (payload: Payload): Payload => {
  const { model: _model, ...fields } = payload.fields
  return { ...payload, fields }
}

const modelField = ({ fields }: Payload): string => {
  if (typeof fields.model !== 'string' || fields.model === '') throw missingParameter('model')
  return fields.model
}

const openaiV1 = (operation: Operation): Route => ({
  dialect: 'v1',
  url: `/openai/v1/images/${operation}`,
  wants: operation === 'edits' ? 'form' : 'json',
  operationOf: () => operation,
  deploymentOf: (_params, payload, deployments) => existing(deployments.find(modelField(payload))),
  checkPath: (version) => {
    if (version !== null && version !== 'preview' && version !== 'v1')
      throw azureError(400, 'BadRequest', 'API version not supported')
  },
  read: (model, asked, payload) => readGptImageJob(model, asked, withoutModel(payload)),
})

const blackForestLabs: Route = {
  dialect: 'bfl',
  url: '/providers/blackforestlabs/v1/:path',
  wants: 'json',
  operationOf: (payload) => (inputImageFields(payload).length > 0 ? 'edits' : 'generations'),
  deploymentOf: ({ path = '' }, { fields }, deployments) => {
    if (typeof fields.model !== 'string' || fields.model === '') throw missingFluxModel(path)
    const deployment = existing(deployments.find(fields.model) ?? deployments.findByModel(fields.model))
    // The path names the model, and the deployment must be of that model.
    if (deployment.model.providerPath !== path) throw notFound()
    return deployment
  },
  checkPath: (version, { path }) => {
    if (version !== 'preview' || !models.some(({ providerPath }) => providerPath === path)) throw notFound()
  },
  read: readFluxProviderJob,
}

const mai = (operation: Operation): Route => ({
  dialect: 'mai',
  url: `/mai/v1/images/${operation}`,
  wants: operation === 'edits' ? 'form' : 'json',
  operationOf: () => operation,
  deploymentOf: (_params, payload, deployments) => existing(deployments.find(modelField(payload))),
  // No version is documented; any is accepted.
  checkPath: () => {},
  read: (model, asked, payload) => readMaiJob(model, asked, withoutModel(payload)),
})

export const routes: readonly Route[] = [
  deploymentScoped('generations'),
  deploymentScoped('edits'),
  openaiV1('generations'),
  openaiV1('edits'),
  blackForestLabs,
  mai('generations'),
  mai('edits'),
]
