import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { decodeImageArgument } from '../../../services/bytes/base64-text.ts'
import { checkProperty } from '../../support/property.ts'

const limits = { maxBytes: 1000 }
const image = randomBytes(301)
const text = image.toString('base64')

function rejection(input: string): string {
  try {
    decodeImageArgument(input, limits)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'accepted'
}

const accepted = {
  'bare base64': text,
  'base64 without padding': text.replace(/=+$/, ''),
  base64url: image.toString('base64url'),
  'base64url with padding': image.toString('base64url').padEnd(text.length, '='),
  'lines of 76 characters': text.replace(/.{76}/g, '$&\r\n'),
  'whitespace around it': ` \t\n${text}\n`,
  'a data URL': `data:image/png;base64,${text}`,
  'a data URL in capitals, with parameters': `DATA:IMAGE/PNG;CHARSET=utf-8;name="a b.png";BASE64,${text}`,
  'a data URL without a type': `data:;base64,${text}`,
  'a data URL of unnamed bytes': `data:application/octet-stream;base64,${text}`,
  'a data URL with line breaks': `\ndata:image/jpeg; base64,\n${text.replace(/.{64}/g, '$&\n')}`,
}
for (const [name, input] of Object.entries(accepted)) {
  test(`accepts ${name}`, (t: TestContext) => {
    t.assert.deepStrictEqual(decodeImageArgument(input, limits), image)
  })
}

const base64 = (problem: string) => `The image data is not valid base64: ${problem}.`
const dataUrl = (problem: string) => `The data URL ${problem}; send data:image/png;base64,… or bare base64.`
const empty = "The image data is empty; send the image's bytes as base64 or as a data URL."
const isPath =
  'The image data is a file path, which this service cannot open; read the file and send its bytes as base64.'
const isUrl =
  'The image data is a URL, which this service does not fetch; download the image and send its bytes as base64.'

const rejected: [name: string, input: string, sentence: string][] = [
  ['an empty text', '', empty],
  ['a text of whitespace', ' \r\n\t', empty],
  ['a data URL without data', 'data:image/png;base64,', empty],
  ['a character that is not base64', 'AAAA*AAA', base64('character 5 is "*"')],
  ['a control character', 'AAAA\0AAA', base64('character 5 is U+0000')],
  ['a letter of another script', 'AAAAжAAA', base64('character 5 is U+0436')],
  ['a character beyond 16 bits', 'AAAA😀', base64('character 5 is U+1F600')],
  ['percent signs', 'AAA%3D', base64('character 4 is "%"')],
  ['text that was cut off', 'AAAAA', base64('it is cut off (5 characters cannot end there); send the whole text')],
  ['wrong padding', 'AAAAAA=', base64('its padding is wrong (6 characters followed by 1 "=")')],
  ['too much padding', 'AAAA====', base64('its padding is wrong (4 characters followed by 4 "=")')],
  ['only padding', '==', base64('it is only padding')],
  ['text behind the padding', 'AA==AAAA', base64('there is more text after the padding, at character 5')],
  ['two alphabets at once', 'AA+/AA-_', base64('it mixes the standard and the URL-safe alphabet, at character 7')],
  ['a data URL without a comma', 'data:image/png;base64', dataUrl('has no comma between its header and its data')],
  ['a data URL that is not base64', 'data:image/svg+xml,<svg/>', dataUrl('is not base64')],
  ['base64 that is no parameter', 'data:base64,AAAA', dataUrl('is not base64')],
  ['a data URL of text', 'data:text/html;base64,AAAA', dataUrl('holds text/html, which is not an image')],
  ['a data URL of nonsense', 'data:<b>;base64,AAAA', dataUrl('holds something, which is not an image')],
  ['an https URL', 'https://example.org/cat.png', isUrl],
  ['a file URL', 'file:///home/me/cat.png', isPath],
  ['an absolute path', '/home/me/cat', isPath],
  ['a relative path', './cat', isPath],
  ['a home path', '~/Images/cat', isPath],
  ['a Windows path', 'C:\\Users\\me\\cat.png', isPath],
  ['a bare file name', 'holiday photo.JPG', isPath],
  [
    'too many bytes',
    randomBytes(1001).toString('base64'),
    'The image is larger than the limit of 1000 bytes; send a smaller file.',
  ],
]
for (const [name, input, sentence] of rejected) {
  test(`rejects ${name} with its own sentence`, (t: TestContext) => {
    t.assert.strictEqual(rejection(input), sentence)
  })
}

test('counts bytes, not characters: an image of exactly the limit may be wrapped and padded', (t: TestContext) => {
  const exact = randomBytes(1000)
  t.assert.deepStrictEqual(decodeImageArgument(exact.toString('base64').replace(/./g, '$& '), limits), exact)
})

test('does not mistake the beginning of a JPEG for a path', (t: TestContext) => {
  t.assert.strictEqual(decodeImageArgument('/9j/4AAQSkZJRgABAQAAAQABAAD/', limits).length, 21)
})

test('agrees with the native decoder on everything it takes, and throws nothing but a rejection', async (t: TestContext) => {
  const letters = fc.constantFrom(...('AZaz09+/-_= \n\r\t\f.%~:,;"\\é😀'.match(/./gsu) ?? []))
  const anything = fc.oneof(
    fc.string({ unit: letters, maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.string({ unit: letters }).map((tail) => `data:image/png;base64,${tail}`),
  )
  await checkProperty(
    t,
    fc.property(anything, (input) => {
      const sentence = rejection(input)
      if (sentence !== 'accepted') return /^The (image data|data URL|image) [^\n]*\.$/.test(sentence)
      const payload = input.trimStart().replace(/^data:[^,]*,/i, '')
      return decodeImageArgument(input, limits).equals(Buffer.from(payload, 'base64'))
    }),
    { numRuns: 5000 },
  )
})
