import { describe, type TestContext, test } from 'node:test'
import type { Operation } from '../../../schemas/models.ts'
import { azureError } from '../../../services/azure/azure-error.ts'
import { parseFault } from '../../../services/azure/error-body.ts'
import { isAzureCode, nextStep, retryRule } from '../../../services/azure/retry-policy.ts'
import type { ErrorCode, ServiceError } from '../../../services/errors/errors.ts'

interface Sent {
  operation?: Operation
  secrets?: readonly string[]
  headers?: Record<string, string>
}

function errorOf(status: number, body: unknown, { operation = 'edit', secrets = [], headers = {} }: Sent = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return azureError(status, headers, parseFault(bytes), { operation, deployment: 'my-flux', secrets })
}

const error = (members: object) => ({ error: { param: null, type: 'image_generation_user_error', ...members } })

type Case = [rule: string, status: number, body: unknown, code: ErrorCode, message: RegExp, sent?: Sent]

const inputs: readonly Case[] = [
  [
    'an image that cannot be read, without a parameter',
    400,
    error({
      code: 'invalid_image_file',
      message: 'Invalid image file or mode for image 1, please check your image file.',
    }),
    'IMG_ERR_AZURE_IMAGE',
    /^Azure rejected the image to edit: it cannot be read/,
  ],
  [
    'the second image of the text is the first reference',
    400,
    error({ code: 'invalid_image_file', message: 'Invalid image file or mode for image 2.' }),
    'IMG_ERR_AZURE_IMAGE',
    /^Azure rejected reference image 1: /,
  ],
  [
    'the third image of a form is the second reference',
    400,
    error({ code: 'invalid_image_format', param: 'image[2]', message: '' }),
    'IMG_ERR_AZURE_IMAGE',
    /^Azure rejected reference image 2: /,
  ],
  [
    'the third image of FLUX is the second reference',
    422,
    error({ code: 'BadRequest', param: 'input_image_3', message: 'cannot decode' }),
    'IMG_ERR_AZURE_IMAGE',
    /^Azure rejected reference image 2: /,
  ],
  [
    'a code alone',
    400,
    error({ code: 'unsupported_image_format' }),
    'IMG_ERR_AZURE_IMAGE',
    /rejected the image: it cannot/,
  ],
  [
    'a code in other words',
    400,
    error({ code: 'UnsupportedImageMediaType' }),
    'IMG_ERR_AZURE_IMAGE',
    /rejected the image:/,
  ],
  ['an image that is too large', 400, error({ code: 'image_too_large' }), 'IMG_ERR_AZURE_IMAGE', /it is too large/],
  ['an image that is too small', 400, error({ code: 'image_too_small' }), 'IMG_ERR_AZURE_IMAGE', /it is too small/],
  ['the type alone', 400, error({ code: null, message: 'No.' }), 'IMG_ERR_AZURE_IMAGE', /rejected the image:/],
  [
    'a text alone',
    400,
    { error: { code: 'invalid_request_error', message: 'Failed to decode the input image.' } },
    'IMG_ERR_AZURE_IMAGE',
    /rejected the image:/,
  ],
  [
    'a mask by its code',
    400,
    error({
      code: 'invalid_mask_image_format',
      message: 'Invalid mask image format - mask image missing alpha channel',
    }),
    'IMG_ERR_AZURE_MASK',
    /^Azure rejected the mask\. /,
  ],
  ['a mask by its field', 400, error({ code: 'invalid_value', param: 'mask' }), 'IMG_ERR_AZURE_MASK', /the mask/],
  [
    'a mask by the text',
    400,
    error({ code: 'invalid_value', message: 'Invalid mask: its size does not match the image.' }),
    'IMG_ERR_AZURE_MASK',
    /the mask/,
  ],
  [
    'an image whose prompt is about masks',
    400,
    error({ code: 'invalid_image_file', message: 'Invalid image for "a mask of gold".' }),
    'IMG_ERR_AZURE_IMAGE',
    /rejected the image:/,
  ],
  [
    'a filter of images is the content filter',
    400,
    error({ code: 'image_content_policy_violation' }),
    'IMG_ERR_AZURE_CONTENT',
    /content filter/,
  ],
  [
    'a parameter is named although the type is about images',
    400,
    error({ code: 'invalid_value', param: 'size' }),
    'IMG_ERR_AZURE_REJECTED',
    /its parameter "size"/,
  ],
  [
    'nothing is said about images where none was sent',
    400,
    error({ code: 'invalid_value' }),
    'IMG_ERR_AZURE_REJECTED',
    /without naming the cause/,
    { operation: 'generate' },
  ],
  [
    'an unknown parameter',
    400,
    { error: { code: 'unknown_parameter', param: 'image[]', message: "Unknown parameter: 'image[]'." } },
    'IMG_ERR_AZURE_REJECTED',
    /its parameter "image\[\]"/,
  ],
  [
    'a parameter that only the text names',
    400,
    { error: { code: 'unsupported_request_value', message: "… value supplied: 'width' must be at least 768 pixels." } },
    'IMG_ERR_AZURE_REJECTED',
    /its parameter "width"/,
  ],
]

const deployments: readonly Case[] = [
  [
    'a value that the model does not support',
    400,
    { error: { code: 'unsupported_request_value', param: null, message: 'Model does not support it.' } },
    'IMG_ERR_AZURE_UNSUPPORTED',
    /^The model of the Azure deployment "my-flux" cannot do this\..*the operator must/,
  ],
  [
    'an operation that the model does not support',
    400,
    { error: { code: 'OperationNotSupported', message: 'The edit operation does not work with the specified model.' } },
    'IMG_ERR_AZURE_UNSUPPORTED',
    /cannot do this/,
  ],
  ['a deprecated model', 400, { error: { code: 'ModelDeprecated' } }, 'IMG_ERR_AZURE_RETIRED', /"my-flux" is retired/],
  ['a retired deployment', 404, { error: { code: 'DeploymentIsRetired' } }, 'IMG_ERR_AZURE_RETIRED', /is retired/],
  ...(
    [
      [400, { code: 'DeploymentNotReady', message: 'x' }],
      [409, { code: 'ModelNotReady' }],
      [404, { code: 'deployment_provisioning' }],
      [424, { code: 'model_loading' }],
      [503, { code: 'DeploymentNotReady' }],
      [400, { code: 'BadRequest', message: 'The deployment is not ready. Please wait.' }],
      [409, { code: 'Conflict', message: 'The model for this deployment is still being provisioned.' }],
    ] as const
  ).map(
    ([status, members]): Case => [
      `a deployment that is not ready: ${status} ${members.code}`,
      status,
      { error: members },
      'IMG_ERR_AZURE_NOT_READY',
      /still setting up its deployment "my-flux".*nothing was generated or billed\. Try again in 60 s/,
    ],
  ),
  [
    'a deployment whose provisioning failed',
    404,
    { error: { code: 'DeploymentProvisioningFailed' } },
    'IMG_ERR_AZURE_NOT_FOUND',
    /./,
  ],
  ['a 410', 410, '', 'IMG_ERR_AZURE_RETIRED', /the operator must deploy a newer model/],
  [
    'a retired model by the text',
    400,
    { error: { code: 'BadRequest', message: 'The model dall-e-3 has been retired and is no longer available.' } },
    'IMG_ERR_AZURE_RETIRED',
    /is retired/,
  ],
  [
    'a retired version of the API',
    400,
    { error: { code: '400', message: 'API version 2023-01-01 is no longer supported.' } },
    'IMG_ERR_AZURE_API_VERSION',
    /AZURE_API_VERSION/,
  ],
  [
    'a retired version of the API at a missing address',
    404,
    { error: { code: '404', message: 'The API version 2023-05-15 is deprecated.' } },
    'IMG_ERR_AZURE_API_VERSION',
    /AZURE_API_VERSION/,
  ],
  [
    'disabled keys',
    403,
    { error: { code: 'AuthenticationTypeDisabled', message: 'Key based authentication is disabled.' } },
    'IMG_ERR_AZURE_KEY_DISABLED',
    /AZURE_AUTH=entra/,
  ],
  [
    'disabled keys by the text',
    403,
    { statusCode: 403, message: 'Key based authentication is disabled for this resource.' },
    'IMG_ERR_AZURE_KEY_DISABLED',
    /AZURE_AUTH=entra/,
  ],
  ['a firewall', 403, { error: { code: 'AccessDenied' } }, 'IMG_ERR_AZURE_FORBIDDEN', /firewall/],
  ...(
    [
      [429, { code: 'insufficient_quota', message: 'You exceeded your current quota.' }],
      [429, { code: '429', message: 'You exceeded your current quota, please check your plan and billing details.' }],
      [400, { code: 'billing_hard_limit_reached', type: 'image_generation_user_error' }],
      [403, { code: 'SpendLimitReached' }],
      [403, { code: '403', message: 'Out of call volume quota. Quota will be replenished in 1.02:03:04.' }],
      [402, { code: 'x' }],
    ] as const
  ).map(
    ([status, members]): Case => [
      `a spending limit: ${status} ${members.code}`,
      status,
      { error: members },
      'IMG_ERR_AZURE_SPENDING_LIMIT',
      /Retrying will not help soon: the operator must raise the limit/,
    ],
  ),
  ['a status of gateways', 499, '', 'IMG_ERR_AZURE_UNCLEAR', /may have been generated and billed/],
  ['the same in JSON', 499, { error: { code: 'ClientClosedRequest' } }, 'IMG_ERR_AZURE_UNCLEAR', /may have been/],
  ['a method that an address does not have', 405, '', 'IMG_ERR_AZURE_NOT_FOUND', /AZURE_BASE_URL/],
]

for (const [group, cases] of Object.entries({
  'what the client sent': inputs,
  'what the operator set up': deployments,
})) {
  describe(`an error names ${group}`, () => {
    for (const [rule, status, body, code, message, sent] of cases) {
      test(rule, (t: TestContext) => {
        const failure = errorOf(status, body, sent)
        t.assert.equal(failure.code, code)
        t.assert.match(failure.message, message)
      })
    }
  })
}

test('a text of a megabyte is classified in a moment', (t: TestContext) => {
  const words = ['model ', 'image ', 'invalid ', 'account ', 'retry ', "'size' ", 'wait 5', 'version of the model ']
  const startedAt = performance.now()
  for (const word of words) {
    for (const status of [400, 403, 404, 429, 503]) {
      t.assert.ok(errorOf(status, { error: { code: 'x', message: word.repeat(1_000_000 / word.length) } }).code)
    }
  }
  t.assert.ok(performance.now() - startedAt < 30_000)
})

const actionOf = ({ code }: ServiceError) => (isAzureCode(code) ? retryRule(code).action : undefined)

test('what Azure says about an image, a limit of the account or disabled keys is not asked a second time', (t: TestContext) => {
  const bodies = [
    errorOf(400, error({ code: 'invalid_image_file' })),
    errorOf(400, error({ code: 'invalid_mask_image_format' })),
    errorOf(429, { error: { code: 'insufficient_quota' } }),
    errorOf(403, { error: { code: 'AuthenticationTypeDisabled' } }),
    errorOf(499, ''),
  ]
  t.assert.deepEqual(bodies.map(actionOf), ['giveUp', 'giveUp', 'giveUp', 'giveUp', 'giveUp'])
})

test('a gateway that gave up is never asked again by another route', (t: TestContext) => {
  const failure = errorOf(499, '<html>client closed request</html>')
  t.assert.ok(isAzureCode(failure.code))
  const alternatives = { hasOtherRoute: true, hasOtherDeployment: true, canRefreshCredential: true }
  const step = nextStep(
    { code: failure.code, retryAfterMs: undefined },
    { tries: 0, rejections: 0 },
    { ...alternatives, pausedMs: 0, remainingMs: 60_000, queueMs: 60_000 },
  )
  t.assert.deepEqual(step, { type: 'giveUp' })
})

describe('the wait', () => {
  const texts: readonly [text: string, waitMs: number | undefined][] = [
    ['Please retry after 26 seconds.', 26_000],
    ['Rate limit is exceeded. Try again in 2 seconds.', 2_000],
    ['Please try again in 6ms. Visit the page.', 6],
    ['Please try again in 7m12s.', 300_000],
    ['Please try again in 1m30s.', 90_000],
    ['retry after 26s', 26_000],
    ['Please retry your request after 1 minute and 5 seconds', 65_000],
    ['Please wait 1.5 s before retrying', 1_500],
    ['Retry after 20 milliseconds', 20],
    ['RETRY AFTER: 26', 26_000],
    ['The limit resets in 2 minutes.', 120_000],
    ['try again in 999999999 days', 300_000],
    ['exceeded the rate of 6 requests in 60 seconds', undefined],
    ['Please retry later.', undefined],
    ['retry after 50% of the time', undefined],
    ['Try again. Your limit is 10 requests.', undefined],
    ['retry after -5 seconds', 5_000],
    [`retry ${'retry '.repeat(50_000)}`, undefined],
  ]
  for (const [text, waitMs] of texts) {
    test(`stands in "${text.slice(0, 60)}"`, (t: TestContext) => {
      for (const status of [429, 503]) {
        t.assert.equal(errorOf(status, { error: { code: `${status}`, message: text } }).retryAfterMs, waitMs)
      }
    })
  }

  test('of a header is more certain than that of a text', (t: TestContext) => {
    const body = { error: { code: '429', message: 'Try again in 60 seconds' } }
    t.assert.equal(errorOf(429, body, { headers: { 'retry-after': '3' } }).retryAfterMs, 3_000)
    t.assert.equal(errorOf(429, body, { headers: { 'retry-after': 'soon' } }).retryAfterMs, 60_000)
  })

  test('is read from a plain text too', (t: TestContext) => {
    t.assert.equal(errorOf(429, 'Rate limit is exceeded. Try again in 2 seconds.').retryAfterMs, 2_000)
  })

  test('is bounded whatever a header says', (t: TestContext) => {
    for (const value of ['1e300', '99999999999', 'Fri, 31 Dec 9999 23:59:59 GMT']) {
      t.assert.equal(errorOf(429, '', { headers: { 'retry-after': value } }).retryAfterMs, 86_400_000, value)
    }
  })

  test('in a quoted prompt says nothing', (t: TestContext) => {
    const message = 'Too many requests for "a sign: Try again in 250 seconds"'
    const secrets = ['A sign: try again in 250 seconds']
    t.assert.equal(errorOf(429, { error: { code: '429', message } }, { secrets }).retryAfterMs, undefined)
  })

  test('is not read from other failures', (t: TestContext) => {
    t.assert.equal(errorOf(400, { error: { message: 'Try again in 2 seconds' } }).retryAfterMs, undefined)
  })
})
