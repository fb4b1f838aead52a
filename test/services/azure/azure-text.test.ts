import { describe, type TestContext, test } from 'node:test'
import { maskText, safeId } from '../../../services/azure/azure-text.ts'

const key = '3f9c1b7e5d2a48069bce71f0a4d8e652'
const entities = (text: string) => text.replace(/[^\w ]/g, (character) => `&#${character.codePointAt(0)};`)
const escaped = (text: string) =>
  text.replace(/[\s\S]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
const middle = (text: string) => text.slice(Math.floor(text.length / 3), Math.ceil((text.length * 2) / 3))
const halves = (text: string, between: string) =>
  `${text.slice(0, text.length / 2)}${between}${text.slice(text.length / 2)}`

/** The forms in which a text may be quoted. */
export const forms: Readonly<Record<string, (text: string) => string>> = {
  whole: (text) => text,
  beginning: (text) => text.slice(0, Math.ceil(text.length / 2)),
  end: (text) => text.slice(-Math.ceil(text.length / 2)),
  middle,
  'cut with an ellipsis': (text) => `${text.slice(0, -3)}…`,
  'cut with dots': (text) => `${text.slice(0, Math.ceil(text.length * 0.7))}...`,
  'cut at both sides': (text) => `...${middle(text)}...`,
  'lower case': (text) => text.toLowerCase(),
  'upper case': (text) => text.toUpperCase(),
  'first letters large': (text) => text.toLowerCase().replace(/\b\w/g, (letter) => letter.toUpperCase()),
  'case turned': (text) =>
    text.replace(/\p{L}/gu, (letter) =>
      letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
    ),
  'escaped letter by letter': escaped,
  'escaped beyond ASCII': (text) => text.replace(/[^\0-\x7f]/g, escaped),
  'JSON escapes': (text) => JSON.stringify(text).slice(1, -1),
  'JSON escapes twice': (text) => JSON.stringify(JSON.stringify(text)),
  'backslashes doubled': (text) => JSON.stringify(text).replaceAll('\\', '\\\\'),
  percent: (text) => encodeURIComponent(text),
  'percent and plus': (text) => encodeURIComponent(text).replaceAll('%20', '+'),
  'percent twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  entities,
  'named entities': (text) =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll("'", '&apos;'),
  'hexadecimal entities': (text) =>
    [...text].map((character) => `&#x${character.codePointAt(0)?.toString(16)};`).join(''),
  base64: (text) => Buffer.from(text).toString('base64'),
  'base64 for addresses': (text) => Buffer.from(text).toString('base64url'),
  'base64 of a longer text': (text) => Buffer.from(`x ${text}`).toString('base64'),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
  'blanks collapsed': (text) => text.replace(/\s+/g, ' '),
  'blanks gone': (text) => text.replace(/\s+/g, ''),
  'line breaks for blanks': (text) => text.replaceAll(' ', '\r\n'),
  'a line break inside': (text) => halves(text, '\n'),
  'a blank inside': (text) => halves(text, ' '),
  underscores: (text) => text.replace(/\W+/g, '_'),
  hyphens: (text) => text.replace(/\W+/g, '-'),
  'camel case': (text) => text.replace(/\W+(\w)/g, (_all, letter: string) => letter.toUpperCase()),
  'single quotes': (text) => `'${text.replaceAll('"', "'")}'`,
  'typographic quotes': (text) => `“${text.replaceAll('"', '”')}”`,
  'without accents': (text) => text.normalize('NFD').replace(/\p{M}/gu, ''),
  decomposed: (text) => text.normalize('NFD'),
  'wide letters': (text) =>
    text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0)),
  backwards: (text) => [...text].reverse().join(''),
  'letter by letter': (text) => [...text].join(' '),
  'zero width between': (text) => [...text].join('\u200b'),
  'as a list of words': (text) => JSON.stringify(text.split(' ')),
  'in a URL': (text) => `https://example.com/?prompt=${encodeURIComponent(text)}`,
  'in HTML': (text) => `<p title="${entities(text)}">${text}</p>`,
  'in Markdown': (text) => text.replace(/(\w+)/g, '**$1**'),
}

const prompts = [
  'A crimson umbrella beside the "Grand Café", façade by Jürgen\nwatercolour & ink <no text>',
  'zebra',
  'Ein Schloß über den Wolken, gemalt von Zoë Brückner',
  '夕阳下的红色雨伞，水彩风格，远处有一座古老的灯塔',
  'portrait of Ada Lovelace holding code name "Falcon-7731"',
]

/** Whether a person would find the prompt in it. */
function recognised(shown: string, prompt: string): string[] {
  const folded = shown.normalize('NFKD').toLowerCase()
  const words =
    prompt
      .normalize('NFKD')
      .toLowerCase()
      .match(/[a-z]{4,}|\d{3,}|\p{Script=Han}{2}/gu) ?? []
  const parts = words.flatMap((word) => [word, word.slice(0, 5), [...word].reverse().join('')])
  const encoded = words.flatMap((word) => [
    Buffer.from(word).toString('base64').slice(0, 6).toLowerCase(),
    Buffer.from(word).toString('hex').slice(0, 8),
  ])
  return [...parts, ...encoded].filter((part) => part.length >= 2 && folded.includes(part))
}

describe('azure error texts', () => {
  for (const [name, write] of Object.entries(forms)) {
    test(`do not show a prompt or a key: ${name}`, (t: TestContext) => {
      for (const prompt of prompts) {
        const said = `Your request was rejected because of: ${write(prompt)}. Key ${write(key)} was used.`
        const shown = maskText(said, [key, prompt])
        t.assert.deepEqual(recognised(shown, prompt), [], `${shown} shows ${prompt}`)
        t.assert.ok(!shown.toLowerCase().includes(key.slice(0, 6)), shown)
        t.assert.match(shown, /rejected/)
      }
    })
  }

  test('are readable where they quote nothing', (t: TestContext) => {
    const said = "The model doesn't support width below 768 pixels. Please retry after 26 seconds."
    const shown = maskText(said, [key, 'A boat'])
    t.assert.match(shown, /^The model doesn … support width below 768 pixels Please retry after 26 seconds$/)
  })

  test('name an exchange only where the name quotes nothing', (t: TestContext) => {
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e'
    t.assert.equal(safeId(id, [key, 'A boat']), id)
    for (const echo of [
      key,
      `x-${key}-y`,
      Buffer.from(key).toString('base64url'),
      key.slice(4, 20),
      'zebra',
      'id-zebra',
      'ZEBRA_1',
      'a b',
      '7a65627261',
    ]) {
      t.assert.equal(safeId(echo, [key, 'zebra']), undefined, echo)
    }
  })
})
