import { describe, type TestContext, test } from 'node:test'
import { StudioError, type StudioErrorKind, toStudioError } from '../../../web/bridge/studio-error.ts'
import { errorText } from '../../../web/texts/error-text.ts'
import { languageOf, textsOf } from '../../../web/texts/texts.ts'

const kinds = [
  'rejected',
  'offline',
  'interrupted',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'unavailable',
  'unsupported',
  'protocol',
] satisfies StudioErrorKind[]

describe('the text of a failure', () => {
  test('is a sentence in both languages, for every kind', (t: TestContext) => {
    for (const kind of kinds) {
      t.assert.match(errorText(new StudioError(kind), textsOf.en), /^[A-Z].*\.$/, kind)
      t.assert.match(errorText(new StudioError(kind), textsOf.zh), /\p{Script=Han}.*。$/u, kind)
    }
  })

  test('is the sentence of the service, where it has one', (t: TestContext) => {
    t.assert.strictEqual(errorText(new StudioError('rejected', 'The size is wrong.'), textsOf.zh), 'The size is wrong.')
    t.assert.match(
      errorText(new StudioError('forbidden', 'Host not allowed.'), textsOf.en),
      /^Host not allowed\. The service/,
    )
  })

  test('says when to try again', (t: TestContext) => {
    t.assert.match(errorText(new StudioError('rate-limited', '', 6200), textsOf.en), /in 7 s/)
    t.assert.match(errorText(new StudioError('unavailable', '', 5000), textsOf.zh), /5 秒/)
  })

  test('shows nothing of an error of the code', (t: TestContext) => {
    t.assert.strictEqual(errorText(new TypeError('x is not a function'), textsOf.en), textsOf.en.app.errors.protocol)
    t.assert.strictEqual(toStudioError(new DOMException('', 'AbortError')).kind, 'aborted')
    t.assert.strictEqual(toStudioError('thrown').kind, 'protocol')
  })
})

test('the language is Chinese for every Chinese locale, and else English', (t: TestContext) => {
  t.assert.deepStrictEqual(['zh', 'zh-CN', 'ZH-Hant-TW', 'en', 'de', ''].map(languageOf), [
    'zh',
    'zh',
    'zh',
    'en',
    'en',
    'en',
  ])
})
