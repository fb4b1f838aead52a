import { type AzureError, azureError, invalidRequest, missingParameter, notFound } from './azure-error.ts'
import { readFluxImageApiJob } from './flux-image-api.ts'
import { readGptImageJob } from './gpt-image.ts'
import type { JobReader } from './job.ts'
import type { Dialect, Model, Operation } from './models.ts'
import type { Payload } from './payload.ts'

/** One of Azure's image routes. */
export interface Route {
  dialect: Dialect
  url: string
  wants: 'json' | 'form'
  operationOf(payload: Payload): Operation
  /** The deployment's name, from the path or the body. @throws AzureError when the body must name it and does not. */
  deploymentOf(params: Readonly<Record<string, string>>, payload: Payload): string
  /** @throws AzureError for a version that this route does not have. `model` is known where the path names the deployment. */
  checkVersion(version: string | null, model: Model | undefined): void
  read: JobReader
}

// Dated versions of the deployment route, oldest first; edits came with the last.
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
  // FLUX's own pages show the word `preview` on this route.
  if (version === 'preview' && isFlux(model)) return
  const known = operation === 'edits' ? versions.slice(versions.indexOf(firstWithEdits)) : versions
  if (version === null || !known.includes(version)) throw notFound()
}

const refuseModel = ({ fields }: Payload): AzureError | undefined =>
  'model' in fields
    ? invalidRequest('model_not_found', `The model '${String(fields.model)}' does not exist.`, 'model', 400)
    : undefined

const deploymentScoped = (operation: Operation): Route => ({
  dialect: 'deployments',
  url: `/openai/deployments/:deployment/images/${operation}`,
  wants: operation === 'edits' ? 'form' : 'json',
  operationOf: () => operation,
  deploymentOf: ({ deployment = '' }) => deployment,
  checkVersion: (version, model) => checkDatedVersion(operation, version, model),
  read: async (model, asked, payload) => {
    const refusal = refuseModel(payload)
    if (refusal !== undefined) throw refusal
    return model.family === 'gpt-image'
      ? readGptImageJob(model, asked, payload)
      : readFluxImageApiJob(model, asked, payload)
  },
})

export const withoutModel = (payload: Payload): Payload => {
  const { model: _model, ...fields } = payload.fields
  return { ...payload, fields }
}

export const modelField = ({ fields }: Payload): string => {
  if (typeof fields.model !== 'string' || fields.model === '') throw missingParameter('model')
  return fields.model
}

const openaiV1 = (operation: Operation): Route => ({
  dialect: 'v1',
  url: `/openai/v1/images/${operation}`,
  wants: operation === 'edits' ? 'form' : 'json',
  operationOf: () => operation,
  deploymentOf: (_params, payload) => modelField(payload),
  checkVersion: (version) => {
    if (version !== null && version !== 'preview' && version !== 'v1')
      throw azureError(400, 'BadRequest', 'API version not supported')
  },
  read: (model, asked, payload) => readGptImageJob(model, asked, withoutModel(payload)),
})

export const routes: readonly Route[] = [
  deploymentScoped('generations'),
  deploymentScoped('edits'),
  openaiV1('generations'),
  openaiV1('edits'),
]
