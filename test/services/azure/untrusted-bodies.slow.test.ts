import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { azureError } from '../../../services/azure/azure-error.ts'
import { ErrorBodyCollector, parseFault } from '../../../services/azure/error-body.ts'
import { openResponse } from '../../../services/azure/image-response.ts'
import type { ResponseReading } from '../../../services/azure/response-parts.ts'
import type { Usage } from '../../../services/azure/types.ts'
import { createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { ServiceError } from '../../../services/errors/errors.ts'
import { pixelPng } from '../../support/fake-azure.ts'
import * as fixtures from '../../support/images/images.ts'
import { checkProperty } from '../../support/property.ts'

/** Cases of each property; a long run: `PROPERTY_RUNS=20000 node --test test/services/azure/untrusted-bodies.slow.test.ts`. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 1000)

const spool = createBufferSpool({ maxBytes: 10_000_000, spillFolders: [] })
const images = [
  pixelPng,
  fixtures.pngOf({ width: 3, height: 2, data: Buffer.alloc(31, '\xfb\xff', 'latin1') }).toString('base64'),
  fixtures.pngOf({ width: 7, height: 5, data: Buffer.alloc(900, 0xff) }).toString('base64'),
]

type Members = [name: string, value: unknown][]

/** Values of a wrong type: null, every other type, and text that resembles a value. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  fc.constantFrom<unknown>(
    true,
    0,
    -1,
    1e300,
    '',
    'null',
    'x',
    [],
    {},
    [null],
    { value: null },
    [[[]]],
    'data:,',
    '[DONE]',
  ),
  fc.string(),
  fc.constant('日"\\\n'.repeat(3000)),
  fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('http')),
)
const extraName = fc.constantFrom(
  ...['url', 'image', 'thumbnail', 'preview', 'sample', 'revised_prompt', 'content_filter_results', 'finish_reason'],
  ...['prompt_filter_results', 'error', 'message', 'x', '__proto__', 'constructor', 'toString', 'b64_json_2', 'seed'],
)

/** The members with some of them spoiled, some missing, some strangers among them, in any order. */
function spoiled(members: Members, precious: readonly string[]): fc.Arbitrary<Members> {
  const fate = fc.array(fc.constantFrom('keep', 'keep', 'spoil', 'drop'), {
    minLength: members.length,
    maxLength: members.length,
  })
  return fc
    .tuple(fate, fc.array(junk, { minLength: members.length, maxLength: members.length }), strangers)
    .map(([fates, values, more]) => {
      const own = members.flatMap(([name, value], at): Members => {
        if (precious.includes(name) || fates[at] === 'keep') return [[name, value]]
        return fates[at] === 'spoil' ? [[name, values[at]]] : []
      })
      const names = new Set(own.map(([name]) => name))
      return [...own, ...more.filter(([name]) => !names.has(name) && !precious.includes(name))]
    })
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
}
const strangers = fc.uniqueArray(fc.tuple(extraName, junk), { maxLength: 4, selector: ([name]) => name })

/** JSON by hand, so that the order is preserved and `__proto__` is an ordinary member. */
function toJson(value: unknown): string {
  if (value instanceof Map) {
    return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${toJson(member)}`).join(',')}}`
  }
  return Array.isArray(value) ? `[${value.map(toJson).join(',')}]` : JSON.stringify(value)
}
const objectOf = (members: Members) => new Map(members)

const entry = (image: string) =>
  spoiled(
    [
      ['b64_json', image],
      ['url', null],
      ['revised_prompt', 'p'],
      ['content_filter_results', { violence: { filtered: false, severity: 'safe' } }],
      ['finish_reason', 'stop'],
    ],
    ['b64_json'],
  ).map(objectOf)

/** No image is in it. */
const badEntry: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    7,
    'x',
    [],
    {},
    { revised_prompt: 'p' },
    { b64_json: '' },
    { b64_json: null, url: {} },
  ),
  fc.constantFrom<unknown>({ b64_json: 'no base64' }, { b64_json: 'AAAA"\\' }, { b64_json: pixelPng.slice(0, -3) }),
)

interface UsageCase {
  json: Members
  expected: Usage
}
const amount = fc.nat({ max: 100_000 })
const noAmount = fc.constantFrom<unknown>(null, undefined, {}, [], 'x', '', true, -1, 1e300, '9'.repeat(12), [5], {
  value: 5,
})
const maybe = fc.tuple(fc.boolean(), amount, noAmount).map(([good, count, bad]) => (good ? count : bad))
const known = (value: unknown) => (typeof value === 'number' && value >= 0 && value < 1e9 ? value : undefined)
const usage: fc.Arbitrary<UsageCase> = fc.oneof(
  fc.tuple(fc.constantFrom('input_tokens_details', 'prompt_tokens_details'), maybe, maybe, maybe).map(
    ([details, text, image, out]): UsageCase => ({
      json: [['usage', { [details]: { image_tokens: image, text_tokens: text, more: null }, output_tokens: out }]],
      expected: definedOnly({ textTokensIn: known(text), imageTokensIn: known(image), tokensOut: known(out) }),
    }),
  ),
  fc.tuple(maybe, noAmount, maybe).map(
    ([total, details, out]): UsageCase => ({
      json: [['usage', { input_tokens: total, input_tokens_details: details, completion_tokens: out }]],
      expected: definedOnly({ textTokensIn: known(total), tokensOut: known(out) }),
    }),
  ),
  fc.tuple(maybe, maybe, maybe).map(
    ([text, image, out]): UsageCase => ({
      json: [['usage', { num_input_text_tokens: text, num_input_image_tokens: image, num_output_tokens: out }]],
      expected: definedOnly({ textTokensIn: known(text), imageTokensIn: known(image), tokensOut: known(out) }),
    }),
  ),
  fc.tuple(maybe, maybe, junk).map(
    ([input, out, bad]): UsageCase => ({
      json: [
        ['request_meta', { input_mp: input, output_mp: out }],
        ['usage', bad],
      ],
      expected: definedOnly({ megapixelsIn: known(input), megapixelsOut: known(out) }),
    }),
  ),
)

function definedOnly(fields: Record<string, number | undefined>): Usage {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

const some = fc.array(fc.constantFrom(...images), { minLength: 1, maxLength: 4 })

/** Writes the text in chunks cut anywhere. */
async function feed(reading: ResponseReading, text: string, places: readonly number[]): Promise<void> {
  const bytes = Buffer.from(text)
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    await reading.write(bytes.subarray(from, to))
    from = to
  }
}

const open = (type: string) =>
  openResponse({ 'content-type': type }, { spool, maxBytes: 5_000_000, onPartialImage: () => undefined })

interface Read {
  images: string[]
  usage: Usage | undefined
  failure: unknown
}

/** The outcome of a body; nothing may stay buffered afterwards. */
async function readBody(t: TestContext, type: string, text: string, places: readonly number[]): Promise<Read> {
  const reading = open(type)
  const result: Read = { images: [], usage: undefined, failure: undefined }
  try {
    await feed(reading, text, places)
    const { parts, usage: used } = await reading.finish()
    result.usage = used
    for (const part of parts) {
      if (!('image' in part)) continue
      const chunks: Buffer[] = []
      for await (const chunk of part.image.chunks()) chunks.push(chunk)
      result.images.push(Buffer.concat(chunks).toString('latin1'))
      await part.image[Symbol.asyncDispose]()
    }
  } catch (error) {
    result.failure = error
    await reading.abort()
  }
  t.assert.equal(spool.used, 0, `still buffered after ${text.slice(0, 500)}`)
  return result
}

const places = fc.array(fc.nat(), { maxLength: 12 })
const jsonType = fc.constantFrom('application/json', 'application/json; charset=utf-8', '', 'text/plain')

const document = fc
  .tuple(some, usage, fc.boolean(), fc.array(badEntry, { maxLength: 3 }))
  .chain(([list, used, isBare, bad]) =>
    fc.tuple(
      fc.tuple(...list.map(entry)),
      fc.constant({ list, used, isBare, bad }),
      fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
    ),
  )
  .chain(([entries, { list, used, isBare, bad }, at]) => {
    const data: unknown[] = [...entries]
    for (const [index, each] of bad.entries()) data.splice((at[index] ?? 0) % (data.length + 1), 0, each)
    const isObject = isBare && data.length === 1
    const members: Members = [['created', 1], ['data', isObject ? data[0] : data], ['size', '1x1'], ...used.json]
    return fc.tuple(spoiled(members, ['data', 'usage', 'request_meta']), fc.constant({ list, used }))
  })
  .map(([members, { list, used }]) => ({ json: toJson(objectOf(members)), list, expected: used.expected }))

/** What may follow a document. */
const tail = fc.constantFrom('', '', ' \n', '\0', 'x', '}', '{"error":null}', '[DONE]')

test('every document with images returns them byte for byte, with all readable usage', async (t: TestContext) => {
  await checkProperty(
    t,
    fc.asyncProperty(document, places, jsonType, tail, async ({ json, list, expected }, cuts, type, behind) => {
      const result = await readBody(t, type, json + behind, cuts)
      t.assert.deepEqual(result, { images: list, usage: { ...result.usage, ...expected }, failure: undefined }, json)
    }),
    { numRuns },
  )
})

test('every truncated document returns the images that arrived completely', async (t: TestContext) => {
  const cutOff = fc.tuple(document, fc.nat()).map(([{ json, list }, place]) => {
    const text = json.slice(0, place % (json.length + 1))
    const ends = endsOf(json, list)
    return { text, whole: list.filter((_image, at) => text.length >= (ends[at] ?? 0)) }
  })
  await checkProperty(
    t,
    fc.asyncProperty(cutOff, places, async ({ text, whole }, cuts) => {
      const { images: got } = await readBody(t, 'application/json', text, cuts)
      t.assert.deepEqual(got, whole, text)
    }),
    { numRuns },
  )
})

/** Where the closing quote of each image lies, in order. */
function endsOf(json: string, list: readonly string[]): number[] {
  let from = 0
  return list.map((image) => {
    from = json.indexOf(`"${image}"`, from) + image.length + 2
    return from
  })
}

const isSketchNamed = { type: 'image_generation.partial_image', partial_image_index: 0 }
const noise = fc.constantFrom(
  ...['data: [DONE]', ': comment', 'event: ping', 'data: {broken', 'data: null', 'data: 7', 'data: {}', 'retry: 5'],
  ...['data: "x"', 'data:', `data: ${JSON.stringify({ ...isSketchNamed, b64_json: pixelPng, size: null })}`, 'id: 1'],
  ...[
    'data: {"b64_json":"no base64","type":"image_edit.partial_image"}',
    'data: {"usage":null}',
    'data: {"type":null}',
  ],
)
const completed = fc
  .constantFrom(...images)
  .chain((image) =>
    fc
      .tuple(usage, fc.constantFrom('image_generation.completed', 'image_edit.completed'))
      .chain(([used, type]) =>
        spoiled(
          [['type', type], ['b64_json', image], ['created_at', 1], ['size', '1x1'], ...used.json],
          ['type', 'b64_json', 'usage', 'request_meta'],
        ).map((members) => ({ json: toJson(objectOf(members)), image, expected: used.expected })),
      ),
  )

test('every event stream with an image returns it byte for byte, with all readable usage', async (t: TestContext) => {
  const newline = fc.constantFrom('\n', '\r\n', '\r')
  const around = fc.array(noise, { maxLength: 4 })
  const extension = fc.constantFrom('', '\n', '\n\n')
  await checkProperty(
    t,
    fc.asyncProperty(
      completed,
      around,
      around,
      newline,
      extension,
      places,
      async (event, before, after, n, end, cuts) => {
        const lines = [...before, `data: ${event.json}`, ...after]
        const text = lines.join(`${n}${n}`) + end
        const { images: got, usage: used, failure } = await readBody(t, 'text/event-stream', text, cuts)
        t.assert.deepEqual({ got, failure }, { got: [event.image], failure: undefined }, text)
        t.assert.deepEqual(used, { ...used, ...event.expected }, text)
      },
    ),
    { numRuns },
  )
})

test('a stream without an image is broken off or rejected, never without meaning', async (t: TestContext) => {
  const rejection = fc.constantFrom(
    '{"type":"error","code":"moderation_blocked","message":null}',
    '{"type":"error","error":{"code":"contentFilter","innererror":null}}',
    '{"error":[{"code":null,"innererror":{"content_filter_results":{"hate":{"filtered":true}}}}]}',
  )
  await checkProperty(
    t,
    fc.asyncProperty(fc.array(noise, { maxLength: 6 }), fc.option(rejection), places, async (lines, rejected, cuts) => {
      const all = rejected === null ? lines : [...lines, `data: ${rejected}`]
      const { failure } = await readBody(t, 'text/event-stream', all.join('\n\n'), cuts)
      t.assert.ok(failure instanceof ServiceError)
      const isUnreadable = lines.some((line) => /broken|no base64/.test(line))
      const codes =
        rejected === null
          ? ['IMG_ERR_AZURE_BROKE_OFF', ...(isUnreadable ? ['IMG_ERR_AZURE_BAD_RESPONSE'] : [])]
          : ['IMG_ERR_AZURE_CONTENT']
      t.assert.ok(codes.includes(failure.code), `${failure.code} for ${all.join(' ')}`)
    }),
    { numRuns },
  )
})

const context = { operation: 'edit', deployment: 'd', secrets: [] } as const

const meanings = [
  [400, 'contentFilter', 'IMG_ERR_AZURE_CONTENT'],
  [400, 'content_policy_violation', 'IMG_ERR_AZURE_CONTENT'],
  [404, 'DeploymentNotFound', 'IMG_ERR_AZURE_DEPLOYMENT'],
  [400, 'UnsupportedApiVersion', 'IMG_ERR_AZURE_API_VERSION'],
  [401, '401', 'IMG_ERR_AZURE_CREDENTIAL'],
  [429, 'RateLimitReached', 'IMG_ERR_AZURE_RATE_LIMIT'],
  [500, 'server_error', 'IMG_ERR_AZURE_FAILED'],
  [503, 'ServiceUnavailable', 'IMG_ERR_AZURE_UNAVAILABLE'],
] as const
/** With the code alone. */
const bareShapes: readonly ((code: string) => unknown)[] = [
  (code) => ({ error: code }),
  (code) => ({ error: null, code, message: null }),
  (code) => [{ error: [{ code: { value: code } }] }],
  (code) => ({ error: { code: null, innererror: [{ innerError: { code } }] } }),
]
const shapes: readonly ((error: unknown) => unknown)[] = [
  (error) => objectOf([['error', error]]),
  (error) => objectOf([['error', [error]]]),
  (error) => objectOf([['error', objectOf([['error', error]])]]),
  (error) => [objectOf([['error', error]])],
  (error) => objectOf([['errors', [error]]]),
  (error) =>
    objectOf([
      ['created', null],
      ['error', error],
      ['data', null],
    ]),
]

test('every error is classified by its code, whatever its other members', async (t: TestContext) => {
  const errors = fc.constantFrom(...meanings).chain(([status, code, expected]) =>
    spoiled(
      [
        ['code', code],
        ['type', 'x'],
        ['param', 'p'],
        ['message', null],
        ['innererror', { code: null }],
        ['inner_error', null],
      ],
      ['code', 'message'],
    )
      // A random member may itself be a content filter result.
      .filter((members) => !JSON.stringify(members).includes('filtered'))
      .map((members) => ({ status, expected, error: objectOf(members) })),
  )
  await checkProperty(
    t,
    fc.property(errors, fc.constantFrom(...shapes), ({ status, expected, error }, shape) => {
      const body = toJson(shape(error))
      const { code } = azureError(status, {}, parseFault(Buffer.from(body)), context)
      t.assert.equal(code, expected, body)
    }),
    { numRuns },
  )
})

test('a content filter rejection is recognized by its code alone, at any depth', (t: TestContext) => {
  for (const [status, code, expected] of meanings.filter(([, , meaning]) => meaning === 'IMG_ERR_AZURE_CONTENT')) {
    for (const shape of bareShapes) {
      const body = JSON.stringify(shape(code))
      const error = azureError(status, {}, parseFault(Buffer.from(body)), context)
      t.assert.equal(error.code, expected, body)
    }
  }
})

test('a content filter rejection is recognized behind the longest prompt, and before garbage', (t: TestContext) => {
  const quoted = JSON.stringify({ error: { message: '日'.repeat(200_000), code: 'contentFilter' } })
  const escaped = quoted.replaceAll('日', '\\u65e5')
  for (const body of [
    quoted,
    escaped,
    '\ufeff{"error":{"code":"contentFilter"}}',
    '{"error":{"code":"contentFilter"}}\0x',
  ]) {
    const collector = new ErrorBodyCollector()
    for (let at = 0; at < body.length; at += 65_536) collector.write(Buffer.from(body.slice(at, at + 65_536)))
    const { code } = azureError(400, {}, parseFault(collector.body()), context)
    t.assert.equal(code, 'IMG_ERR_AZURE_CONTENT', body.slice(0, 100))
  }
})

test('no body of an error breaks the reading of it', async (t: TestContext) => {
  const bodies = fc.oneof(
    fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value)),
    fc
      .dictionary(fc.constantFrom('error', 'code', 'message', 'innererror', 'content_filter_results', 'details'), junk)
      .map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('{"error":'.repeat(5000), '['.repeat(50_000), `${'['.repeat(3000)}${']'.repeat(3000)}`),
  )
  const status = fc.constantFrom(202, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504)
  await checkProperty(
    t,
    fc.property(bodies, status, (body, of) => {
      t.assert.ok(azureError(of, {}, parseFault(Buffer.from(body)), context) instanceof ServiceError)
      t.assert.ok(Array.isArray(parseFault(Buffer.from(body)).codes))
    }),
    { numRuns },
  )
})
