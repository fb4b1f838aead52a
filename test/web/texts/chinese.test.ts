import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { textsOf } from '../../../web/texts/texts.ts'

const root = join(import.meta.dirname, '../../..')

/** Every sentence below a value; those with gaps have Chinese words in them. */
function sentencesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'function') return [[undefined], [1], ['图', '图']].map((gaps) => String(value(...gaps)))
  return Object.values(Object(value)).flatMap(sentencesIn)
}

/** What models read is English. */
const { selected: _forModels, ...app } = textsOf.zh.app
const sentences = sentencesIn({ ...textsOf.zh, app }).filter((text) => /\p{Script=Han}/u.test(text))
const halfWidth = /\p{Script=Han}[,:;?!()]|[,:;?!()]\p{Script=Han}/u

/** Without code, addresses and the marks of Markdown's links. */
const proseOf = (markdown: string): string =>
  markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`|\]\([^)\n]*\)/g, '')
const documents = globSync(['*.zh-CN.md', 'docs/*.zh-CN.md'], { cwd: root })
  .map((file) => ({ file, lines: proseOf(readFileSync(join(root, file), 'utf8')).split('\n') }))
  .flatMap(({ file, lines }) => lines.map((line) => ({ file, line })))
const homePage = readFileSync(join(root, 'routes/home/texts.ts'), 'utf8').split('\n')

describe('Chinese sentences', () => {
  test('of the studio have full-width punctuation', (t: TestContext) => {
    t.assert.ok(sentences.length > 200, `${sentences.length} sentences`)
    t.assert.deepEqual(
      sentences.filter((text) => halfWidth.test(text)),
      [],
    )
    t.assert.ok(halfWidth.test('编辑,蒙版') && halfWidth.test('图片(图)') && !halfWidth.test('图片（图），100, 200'))
  })

  test('of the documentation have full-width punctuation', (t: TestContext) => {
    t.assert.ok(documents.length > 2000)
    const between = /\p{Script=Han}[,:;?!]\p{Script=Han}/u
    t.assert.deepEqual(
      documents.filter(({ line }) => between.test(line)),
      [],
    )
    t.assert.ok(between.test(proseOf('先`写`,再读：图库,图片')))
  })

  test('call the studio by one name', (t: TestContext) => {
    const hasOther = (text: string) => /(?<!图像)工作室/.test(text)
    t.assert.deepEqual([...sentences, ...homePage].filter(hasOther), [])
    t.assert.deepEqual(
      documents.filter(({ line }) => hasOther(line)),
      [],
    )
    t.assert.ok(hasOther('打开工作室') && !hasOther('打开图像工作室'))
  })
})
