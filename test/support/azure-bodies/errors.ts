import { pixelPng } from '../fake-azure.ts'
import { type Meaning, statuses, statusesOf, type Verdict, verdictOf } from './oracle.ts'
import { CANARY, cut, fix, mutate, type Random, toJson } from './random.ts'

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
      (code) => ({ code: fix(code), message: quoted }),
    ),
    { code: fix('content_safety_violation'), message: `(BingBlockList_Prompt) ${quoted}` },
    { code: 'BadRequest', message: fix(`Your task failed as a result of our safety system. ${CANARY}`) },
    {
      code: '400',
      inner_error: fix({ code: fix('ResponsibleAIPolicyViolation'), revised_prompt: quoted }),
      message: quoted,
    },
    { code: null, innererror: fix({ content_filter_results: fix({ hate: fix({ filtered: fix(true) }) }) }) },
    { code: '400', innerError: fix({ code: fix('content_filter') }) },
    { code: fix('image_content_policy_violation'), type: 'image_generation_user_error', param: null },
  ],
  image: [
    { code: fix('invalid_image_file'), type: 'image_generation_user_error', param: null, message: quoted },
    ...[
      'invalid_image',
      'invalid_image_format',
      'unsupported_image_format',
      'image_too_large',
      'image_parse_error',
    ].map((code) => ({ code: fix(code), param: null })),
    { code: fix('UnsupportedImageMediaType'), message: quoted },
    { code: fix('invalid_value'), param: fix('image[2]') },
    { code: 'invalid_value', param: fix('input_image_3') },
    { code: null, type: fix('image_generation_user_error'), message: fix(`Invalid image file. ${CANARY}`) },
  ],
  mask: [
    { code: fix('invalid_mask_image_format'), type: 'image_generation_user_error', param: null, message: quoted },
    { code: 'invalid_value', param: fix('mask') },
  ],
  parameter: [
    { type: 'invalid_request_error', code: fix('unknown_parameter'), param: fix('response_format'), message: quoted },
    { code: fix('invalid_value'), param: fix('size'), message: quoted },
    { code: fix('InvalidPayload'), message: quoted },
  ],
  unsupported: [
    { code: fix('unsupported_request_value'), param: null, message: `'width' must be at least 768. ${CANARY}` },
    { code: fix('OperationNotSupported'), message: quoted },
  ],
  retired: [
    { code: fix('ModelDeprecated'), message: quoted },
    { code: fix('DeploymentIsRetired'), message: quoted },
    { code: '400', message: fix('The model has been retired and is no longer available.') },
  ],
  'api version': [{ code: fix('UnsupportedApiVersion') }, { code: '400', message: fix('API version not supported') }],
  spending: [{ code: fix('insufficient_quota'), message: quoted }, { code: fix('billing_hard_limit_reached') }],
  deployment: [{ code: fix('DeploymentNotFound'), message: quoted }],
  'not ready': [{ code: fix('DeploymentNotReady'), message: quoted }, { code: fix('model_not_ready') }],
  blocked: [
    { code: 'Forbidden', message: fix(`Your resource has been temporarily blocked: content policy. ${CANARY}`) },
  ],
  'keys disabled': [{ code: fix('AuthenticationTypeDisabled'), message: quoted }],
  capacity: [{ code: '429', message: fix(`The system is experiencing high demand. ${CANARY}`) }],
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
  (error) => ({ error: fix(error) }),
  (error) => ({ created: 1, error: fix(error), data: null }),
  (error) => ({ error: fix([fix(error)]) }),
  (error) => ({ errors: fix([fix(error)]) }),
  (error) => ({ error: fix(null), errors: fix([fix(error)]) }),
  (error) => ({ error: fix({ error: fix(error) }) }),
  (error) => [fix({ error: fix(error) })],
  (error) => ({ error: fix({ code: null, message: null, details: fix([fix(error)]) }) }),
  (error) => ({ error: fix({ innererror: fix({ code: null, innerError: fix(error) }) }) }),
  // A gateway's, without a wrapper.
  (error) => ({ statusCode: fix(400), ...Object(error) }),
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
  ['no data', { created: 1, data: fix([]) }, ['NO_IMAGE']],
  ['an empty entry', { data: fix([fix({ b64_json: fix(null), url: null })]) }, ['NO_IMAGE']],
  [
    'a verdict',
    { data: fix([fix({ content_filter_results: fix({ sexual: fix({ filtered: fix(true) }) }) })]) },
    ['CONTENT'],
  ],
  ['an error', { error: fix({ code: fix('server_error'), message: quoted }) }, ['BROKE_OFF']],
  ['a filter error', { error: fix({ code: fix('contentFilter'), message: quoted }) }, ['CONTENT']],
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
