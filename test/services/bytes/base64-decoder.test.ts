import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Base64Error, createBase64Decoder, decodedCapacity } from '../../../services/bytes/base64-decoder.ts'
import { checkProperty } from '../../support/property.ts'

function decodeInChunks(text: string, cuts: readonly number[]): Buffer {
  const decoder = createBase64Decoder()
  const whole = Buffer.from(text, 'latin1')
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
  const decoded: Buffer[] = []
  for (const [index, end] of places.entries()) {
    const chunk = whole.subarray(places[index - 1] ?? 0, end)
    const target = Buffer.alloc(decodedCapacity(chunk.length))
    decoded.push(target.subarray(0, decoder.write(chunk, target)))
  }
  decoder.end()
  return Buffer.concat(decoded)
}

test('decodes text cut at every place', (t: TestContext) => {
  for (const length of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const bytes = randomBytes(length)
    const text = bytes.toString('base64')
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        t.assert.deepStrictEqual(decodeInChunks(text, [first, second]), bytes)
      }
    }
  }
})

test('decodes any bytes cut anywhere', async (t: TestContext) => {
  await checkProperty(
    t,
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat()), (bytes, cuts) =>
      decodeInChunks(Buffer.from(bytes).toString('base64'), cuts).equals(bytes),
    ),
    { numRuns: 2000 },
  )
})

const wrong = {
  'a blank': 'AAAA AAA',
  'a blank that makes up a group': 'AAAA    ',
  'a line break': 'AAAA\nAAA',
  'blanks before padding': 'AAA=    ',
  'a URL-safe character': 'AAA-',
  'a character that is not base64': 'AAA*',
  'a byte beyond ASCII': 'AAA\xff',
  'missing padding': 'AAAAAA',
  'bits after the last byte': 'AAB=',
  'a second text after padding': 'AA==AAAA',
  'padding alone': '====',
}
for (const [name, text] of Object.entries(wrong)) {
  test(`rejects ${name}, wherever the text is cut`, (t: TestContext) => {
    for (let cut = 0; cut <= text.length; cut++) {
      t.assert.throws(() => decodeInChunks(text, [cut]), Base64Error, `cut at ${cut}`)
    }
  })
}
