import { apiUrl } from '../http-request.ts'
import type { Target } from './dialect.ts'

/** One deployment. https://learn.microsoft.com/en-us/rest/api/azureopenai/deployments/get?view=rest-azureopenai-2022-12-01 */
export function deploymentLookup({ baseUrl, deployment }: Target): URL {
  return apiUrl(baseUrl, ['openai', 'deployments', deployment], '2022-12-01')
}
