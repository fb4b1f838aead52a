/** Errors in the shapes that Azure uses, which differ between routes and API versions. */
export class AzureError extends Error {
  readonly status: number
  readonly body: object | string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: object | string, headers: Record<string, string> = {}) {
    super(`Azure returns ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

const wrapped = (status: number, code: string, message: string, headers?: Record<string, string>): AzureError =>
  new AzureError(status, { error: { code, message } }, headers)

export const wrongKey = (): AzureError =>
  wrapped(401, '401', 'Access denied due to invalid subscription key or wrong API endpoint.')

/** The other 401, without an `error` wrapper. */
export const noToken = (): AzureError =>
  new AzureError(401, {
    statusCode: 401,
    message:
      'Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com/ or https://ai.azure.com/), or have expired.',
  })

export const notFound = (): AzureError => wrapped(404, '404', 'Resource not found')

export const noDeployment = (): AzureError =>
  wrapped(404, 'DeploymentNotFound', 'The API deployment for this resource does not exist.')

export const wrongOperation = (operation: string, model: string): AzureError =>
  wrapped(400, 'OperationNotSupported', `The ${operation} operation does not work with the specified model, ${model}.`)

export const wrongContentType = (got: string, wanted: string): AzureError =>
  invalidRequest(
    'unsupported_content_type',
    `Unsupported content type: '${got}'. This API method only accepts '${wanted}' requests.`,
  )

/** The OpenAI shape: gpt-image and Azure's own checks in front of it. */
export const invalidRequest = (code: string, message: string, param: string | null = null, status = 400): AzureError =>
  new AzureError(status, { error: { message, type: 'invalid_request_error', param, code } })

export const unknownParameter = (param: string): AzureError =>
  invalidRequest('unknown_parameter', `Unknown parameter: '${param}'.`, param)

export const missingParameter = (param: string): AzureError =>
  invalidRequest('missing_required_parameter', `Missing required parameter: '${param}'.`, param)

export const invalidValue = (param: string, expected: string): AzureError =>
  invalidRequest('invalid_value', `Invalid value for '${param}'. ${expected}`, param)

export const invalidPayload = (message: string): AzureError => wrapped(400, 'InvalidPayload', message)

/** MAI's shape. */
export const unsupportedValue = (problem: string): AzureError =>
  new AzureError(400, {
    error: {
      code: 'unsupported_request_value',
      message: `Model does not support request parameter value supplied: ${problem}`,
      details: problem,
    },
  })

export const tooLarge = (): AzureError => wrapped(413, 'RequestEntityTooLarge', 'The request body is too large.')

export const rateLimited = (headers: Record<string, string>, seconds: number): AzureError =>
  wrapped(
    429,
    '429',
    `Requests to this deployment have exceeded the call rate limit of your current AIServices S0 pricing tier. Please retry after ${seconds} seconds.`,
    headers,
  )

export const gatewayTimeout = (): AzureError => wrapped(408, 'Timeout', 'The operation was timeout.')

/** A bug of the simulator, not an error of Azure. */
export const ownFailure = (): AzureError => wrapped(500, 'InternalServerError', 'The simulator itself failed.')

export { wrapped as azureError }
