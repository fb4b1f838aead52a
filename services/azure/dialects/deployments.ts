import { formRequest } from '../edit-form.ts'
import type { EditRequest, ImageRequest } from '../images-client.ts'
import { apiUrl, jsonRequest, type WireRequest } from '../wire-request.ts'

export interface DeploymentTarget {
  baseUrl: string
  deployment: string
  apiVersion: string
}

/**
 * The deployment-scoped dialect: the deployment is named in the path, and `model` in the body is a 400.
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference-preview#image-generation
 */
export const deploymentsDialect = {
  generate(request: ImageRequest, target: DeploymentTarget): WireRequest {
    const { prompt, size } = request
    return jsonRequest('generate', operationUrl(target, 'generations'), {
      prompt,
      n: 1,
      ...(size === undefined ? {} : { size: `${size.width}x${size.height}` }),
    })
  },

  edit(request: EditRequest, target: DeploymentTarget): WireRequest {
    const { prompt, size, images } = request
    // One file is `image`; a repeated `image` is refused, several are `image[]`.
    const field = images.length === 1 ? 'image' : 'image[]'
    return formRequest(
      operationUrl(target, 'edits'),
      { prompt, n: '1', ...(size === undefined ? {} : { size: `${size.width}x${size.height}` }) },
      images.map((image) => ({ field, image })),
    )
  },
}

function operationUrl(target: DeploymentTarget, operation: 'generations' | 'edits'): URL {
  const segments = ['openai', 'deployments', target.deployment, 'images', operation]
  return apiUrl(target.baseUrl, segments, target.apiVersion)
}
