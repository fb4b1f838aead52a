import {
  AzureError,
  azureError,
  gatewayTimeout,
  noDeployment,
  noToken,
  wrongContentType,
  wrongKey,
  wrongOperation,
} from './azure-error.ts'
import type { FaultDetails, FilterSpelling } from './fault.ts'
import type { Model } from './models.ts'

const filterResults = { violence: { filtered: true, severity: 'medium' }, hate: { filtered: false, severity: 'safe' } }

const filterBodies: Readonly<Record<FilterSpelling, () => object>> = {
  contentFilter: () => ({
    created: Math.floor(Date.now() / 1000),
    error: { code: 'contentFilter', message: 'Your task failed as a result of our safety system.' },
  }),
  content_policy_violation: () => ({
    error: {
      code: 'content_policy_violation',
      inner_error: { code: 'ResponsibleAIPolicyViolation', content_filter_results: filterResults, revised_prompt: '' },
    },
  }),
  innererror: () => ({
    error: {
      code: 'content_policy_violation',
      message: 'The request was rejected by the content policy.',
      innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: filterResults },
    },
  }),
  innerError: () => ({
    error: {
      code: 'BadRequest',
      innerError: { code: 'ResponsibleAIPolicyViolation', content_filter_results: filterResults },
    },
  }),
  moderation_blocked: () => ({
    error: {
      code: 'moderation_blocked',
      message: 'Your request was rejected by the safety system. safety_violations=[violence].',
    },
  }),
  content_filter: () => ({ error: { code: 'content_filter', message: 'The response was filtered.' } }),
  content_safety_violation: () => ({
    error: { code: 'content_safety_violation', message: 'The prompt was blocked (BingBlockList_Prompt).', details: '' },
  }),
}

const html = (status: number, title: string): AzureError =>
  new AzureError(
    status,
    `<html><head><title>${status} ${title}</title></head><body><center><h1>${status} ${title}</h1></center></body></html>\r\n`,
    {
      'content-type': 'text/html',
    },
  )

function waitHeaders({ ms = 2000, header = 'both' }: FaultDetails): Record<string, string> {
  const seconds = String(Math.ceil(ms / 1000))
  const headers: Record<string, string> = {}
  if (header === 'retry-after' || header === 'both') headers['retry-after'] = seconds
  if (header === 'retry-after-ms' || header === 'both') headers['retry-after-ms'] = String(ms)
  if (header === 'retry-after-date') headers['retry-after'] = new Date(Date.now() + ms).toUTCString()
  return headers
}

/** The rejection that a fault causes, or undefined for a fault of another kind. */
export function rejectionOf(fault: FaultDetails, { id, family }: Model): AzureError | undefined {
  switch (fault.name) {
    case 'rate-limit':
      return azureError(429, '429', 'Rate limit is exceeded. Please retry later.', waitHeaders(fault))
    case 'capacity':
      return azureError(
        429,
        'NoCapacity',
        'System is experiencing high demand. The service is temporarily unable to process your request.',
      )
    case 'server-error':
      return new AzureError(500, {
        error: { type: 'server_error', code: 'server_error', message: 'The server had an error.', param: null },
      })
    case 'unavailable':
      return azureError(503, 'ServiceUnavailable', 'The service is temporarily unavailable.')
    case 'bad-gateway-html':
      return html(502, 'Bad Gateway')
    case 'gateway-timeout-html':
      return html(504, 'Gateway Time-out')
    case 'server-error-html':
      return html(500, 'Internal Server Error')
    case 'timeout':
      return gatewayTimeout()
    case 'account-block':
      return azureError(
        403,
        'Forbidden',
        'Your resource has been temporarily blocked because we detected behavior that may violate our content policy.',
      )
    case 'forbidden':
      return azureError(403, 'AccessDenied', 'Public access is disabled. Please configure private endpoint.')
    case 'key-disabled':
      return azureError(403, 'AuthenticationTypeDisabled', 'Key based authentication is disabled for this resource.')
    case 'spending-limit':
      return new AzureError(429, {
        error: {
          type: 'insufficient_quota',
          code: 'insufficient_quota',
          message: 'You exceeded your current quota, please check your plan and billing details.',
          param: null,
        },
      })
    case 'retired':
      return azureError(410, 'ModelDeprecated', 'The model of this deployment is retired.')
    case 'content-filter':
      return new AzureError(
        400,
        filterBodies[fault.spelling ?? (family === 'mai' ? 'content_safety_violation' : 'contentFilter')](),
      )
    case 'unauthorized':
      return wrongKey()
    case 'token-expired':
      return noToken()
    case 'deployment-gone':
      return noDeployment()
    case 'unsupported-content-type':
      return wrongContentType('multipart/form-data', 'application/json')
    case 'operation-not-supported':
      return wrongOperation('requested', id)
    case 'redirect':
      return new AzureError(307, '', { location: fault.base ?? 'http://127.0.0.1:9/' })
    default:
      return undefined
  }
}
