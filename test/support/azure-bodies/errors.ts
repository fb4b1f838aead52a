import { pixelPng } from '../fake-azure.ts'
import { type Meaning, statuses, statusesOf, type Verdict, verdictOf } from './oracle.ts'
import { CANARY, cut, keep, mutate, type Random, toJson } from './random.ts'

/** An error response, and what must follow it. */
export interface ErrorBody {
  name: string
  status: number
  text: string
  chunks: Buffer[]
  verdict: Verdict
}

const quoted = `${CANARY} a boat at dawn`

/** The members that distinguish each meaning, from Microsoft's documentation and published responses. */
const errors: Readonly<Record<Exclude<Meaning, 'none'>, readonly object[]>> = {
  filter: [
    ...['contentFilter', 'content_filter', 'content_policy_violation', 'moderation_blocked', 'RequestModerated'].map(
      (code) => ({ code: keep(code), message: quoted }),
    ),
    { code: keep('content_safety_violation'), message: `(BingBlockList_Prompt) ${quoted}` },
    { code: 'BadRequest', message: keep(`Your task failed as a result of our safety system. ${CANARY}`) },
    {
      code: '400',
      inner_error: keep({ code: keep('ResponsibleAIPolicyViolation'), revised_prompt: quoted }),
      message: quoted,
    },
    { code: null, innererror: keep({ content_filter_results: keep({ hate: keep({ filtered: keep(true) }) }) }) },
    { code: '400', innerError: keep({ code: keep('content_filter') }) },
    { code: keep('image_content_policy_violation'), type: 'image_generation_user_error', param: null },
  ],
  image: [
    { code: keep('invalid_image_file'), type: 'image_generation_user_error', param: null, message: quoted },
    ...[
      'invalid_image',
      'invalid_image_format',
      'unsupported_image_format',
      'image_too_large',
      'image_parse_error',
    ].map((code) => ({ code: keep(code), param: null })),
    { code: keep('UnsupportedImageMediaType'), message: quoted },
    { code: keep('invalid_value'), param: keep('image[2]') },
    { code: 'invalid_value', param: keep('input_image_3') },
    { code: null, type: keep('image_generation_user_error'), message: keep(`Invalid image file. ${CANARY}`) },
  ],
  mask: [
    { code: keep('invalid_mask_image_format'), type: 'image_generation_user_error', param: null, message: quoted },
    { code: 'invalid_value', param: keep('mask') },
  ],
  parameter: [
    { type: 'invalid_request_error', code: keep('unknown_parameter'), param: keep('response_format'), message: quoted },
    { code: keep('invalid_value'), param: keep('size'), message: quoted },
    { code: keep('InvalidPayload'), message: quoted },
  ],
  unsupported: [
    { code: keep('unsupported_request_value'), param: null, message: `'width' must be at least 768. ${CANARY}` },
    { code: keep('OperationNotSupported'), message: quoted },
  ],
  retired: [
    { code: keep('ModelDeprecated'), message: quoted },
    { code: keep('DeploymentIsRetired'), message: quoted },
    { code: '400', message: keep('The model has been retired and is no longer available.') },
  ],
  'api version': [{ code: keep('UnsupportedApiVersion') }, { code: '400', message: keep('API version not supported') }],
  spending: [{ code: keep('insufficient_quota'), message: quoted }, { code: keep('billing_hard_limit_reached') }],
  deployment: [{ code: keep('DeploymentNotFound'), message: quoted }],
  blocked: [
    { code: 'Forbidden', message: keep(`Your resource has been temporarily blocked: content policy. ${CANARY}`) },
  ],
  'keys disabled': [{ code: keep('AuthenticationTypeDisabled'), message: quoted }],
  capacity: [{ code: '429', message: keep(`The system is experiencing high demand. ${CANARY}`) }],
}

/** Errors whose status says everything. */
const plain: readonly object[] = [
  { code: '0', message: quoted },
  { code: null, message: null, type: null, param: null },
  { code: 'server_error', message: quoted, param: null },
  { code: 7, message: { lang: 'en', value: quoted } },
  {},
]

/** How Azure and its gateways wrap an error. */
const wrappers: readonly ((error: unknown) => unknown)[] = [
  (error) => ({ error: keep(error) }),
  (error) => ({ created: 1, error: keep(error), data: null }),
  (error) => ({ error: keep([keep(error)]) }),
  (error) => ({ errors: keep([keep(error)]) }),
  (error) => ({ error: keep(null), errors: keep([keep(error)]) }),
  (error) => ({ error: keep({ error: keep(error) }) }),
  (error) => [keep({ error: keep(error) })],
  (error) => ({ error: keep({ code: null, message: null, details: keep([keep(error)]) }) }),
  (error) => ({ error: keep({ innererror: keep({ code: null, innerError: keep(error) }) }) }),
  // A gateway's, without a wrapper.
  (error) => ({ statusCode: keep(400), ...Object(error) }),
]

/** Bodies of gateways, proxies and load balancers. */
const pages = [
  `<html><body><h1>${CANARY}</h1></body></html>`,
  `<!doctype html><title>Error</title>${CANARY}`,
  '',
  'upstream connect error',
  'null',
  '{',
  '"x"',
  '[]',
  `{"requestId":"${CANARY}"}`,
]

/** An error response of Azure or of what stands before it. */
export function errorBody(random: Random): ErrorBody {
  const isJson = random.chance(0.8)
  const meaning: Meaning = isJson && random.chance(0.65) ? random.pick(meanings) : 'none'
  const status = meaning === 'none' ? random.pick(statuses) : random.pick(statusesOf[meaning])
  const error = meaning === 'none' ? random.pick(plain) : random.pick(errors[meaning])
  const body = mutate(random.pick(wrappers)(error), random)
  const text = isJson
    ? random.pick(['', '', '\ufeff']) + toJson(body, random) + random.pick(['', '', '\n'])
    : random.pick(pages)
  const verdict = verdictOf(status, isJson, meaning)
  return { name: `${status} ${meaning}`, status, text, chunks: cut(Buffer.from(text), random), verdict }
}

const meanings = Object.keys(errors).filter((name): name is Exclude<Meaning, 'none'> => Object.hasOwn(errors, name))

/** Successful responses without an image, none of which may lead to a second request. */
const empty: readonly [name: string, body: unknown, codes: readonly string[]][] = [
  ['no data', { created: 1, data: keep([]) }, ['NO_IMAGE']],
  ['an empty entry', { data: keep([keep({ b64_json: keep(null), url: null })]) }, ['NO_IMAGE']],
  [
    'a verdict',
    { data: keep([keep({ content_filter_results: keep({ sexual: keep({ filtered: keep(true) }) }) })]) },
    ['CONTENT'],
  ],
  ['an error', { error: keep({ code: keep('server_error'), message: quoted }) }, ['BROKE_OFF']],
  ['a filter error', { error: keep({ code: keep('contentFilter'), message: quoted }) }, ['CONTENT']],
]

/** A 200 without an image: a document, or a stream that ends too early. */
export function emptyBody(random: Random): ErrorBody & { contentType: string } {
  const [name, document, codes] = random.pick(empty)
  const isStream = random.chance(0.4)
  const json = toJson(mutate(document, random), random)
  const text = isStream ? streamOf(random) : json
  const prefixed = (isStream ? ['BROKE_OFF', 'CONTENT', 'BAD_RESPONSE'] : codes).map((code) => `IMG_ERR_AZURE_${code}`)
  return {
    name: isStream ? 'a stream without its image' : `200 with ${name}`,
    status: 200,
    contentType: isStream ? 'text/event-stream' : 'application/json',
    text,
    chunks: cut(Buffer.from(text), random),
    verdict: { codes: prefixed, action: 'giveUp', mayBeBilled: isStream || codes.includes('BROKE_OFF') },
  }
}

function streamOf(random: Random): string {
  const events = [
    '',
    'data: [DONE]',
    ': comment',
    `data: {"type":"image_generation.partial_image","partial_image_index":0,"b64_json":"${pixelPng}"}`,
    `data: {"type":"error","code":"server_error","message":"${CANARY}"}`,
    `event: error\ndata: {"error":{"code":"internal","message":"${CANARY}","innererror":null}}`,
    `data: {"type":"error","error":{"code":"contentFilter","message":null}}`,
    `data: {"type":"image_generation.completed","b64_json":null,"usage":null}`,
    `data: {"broken`,
  ]
  return Array.from({ length: random.below(5) }, () => `${random.pick(events)}\n\n`).join('')
}
