import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { sourceOf, sources } from '../support/imports.ts'
import { nameFault, proseOf, sentenceFault, sentencesIn } from '../support/language.ts'

const root = join(import.meta.dirname, '../..')
const tests = globSync('test/**/*.ts', { cwd: root })
const documents = globSync(['*.md', '{docs,simulator,deploy}/**/*.md'], { cwd: root }).filter(
  (file) => !file.endsWith('.zh-CN.md'),
)

const faults = <T>(items: readonly T[], faultOf: (item: T) => string | undefined): string[] =>
  items.map(faultOf).filter((fault) => fault !== undefined)

describe('names use the standard terms', () => {
  test('of files', (t: TestContext) => {
    t.assert.deepStrictEqual(faults([...sources, ...tests], nameFault), [])
    t.assert.ok(nameFault('services/held-answer.ts'))
  })

  test('of exports', (t: TestContext) => {
    const exported = [...sources, ...tests].flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      return [...text.matchAll(/^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm)].map(
        ([, name = '']) => ({ file, name }),
      )
    })
    t.assert.ok(exported.length > 500)
    t.assert.deepStrictEqual(
      faults(exported, ({ file, name }) => {
        const fault = nameFault(name)
        return fault === undefined ? undefined : `${file}: ${fault}`
      }),
      [],
    )
    t.assert.ok(nameFault('giveBackPictures'))
  })
})

describe('user-facing sentences use the standard terms', () => {
  test('in messages, logs, descriptions and metric helps', (t: TestContext) => {
    const said = sources
      .filter((file) => /^(app\.ts|server\.ts|plugins\/|routes\/|schemas\/|services\/|simulator\/)/.test(file))
      .flatMap((file) => sentencesIn(sourceOf(file)).map((text) => ({ file, text })))
    t.assert.ok(said.length > 500)
    t.assert.deepStrictEqual(
      faults(said, ({ file, text }) => {
        const fault = sentenceFault(text)
        return fault === undefined ? undefined : `${file}: ${fault}`
      }),
      [],
    )
    const bad = sentencesIn("log.warn({ error }, 'a picture was not given back') // nobody reads this")
    t.assert.deepStrictEqual(bad, ['a picture was not given back'])
    t.assert.deepStrictEqual(faults(bad, sentenceFault).length, 1)
    t.assert.strictEqual(sentenceFault('The server answers with 202.'), undefined)
    t.assert.ok(sentenceFault('The whole answer was sent.'))
  })

  test('in tools/list, prompts/list and /metrics', async (t: TestContext) => {
    const { app } = await buildApp(t, { AZURE_MODEL: 'gpt-image-2', AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
    const texts = [(await app.inject('/metrics')).body]
    for (const method of ['tools/list', 'prompts/list']) {
      const payload = { jsonrpc: '2.0', id: 1, method }
      texts.push((await app.inject({ method: 'POST', url: '/', payload })).body.replaceAll('"', '\n'))
    }
    const sentences = texts.flatMap((text) => text.split('\n'))
    t.assert.ok(sentences.some((sentence) => sentence.startsWith('# HELP image_mcp_')))
    t.assert.deepStrictEqual(faults(sentences, sentenceFault), [])
  })

  for (const document of documents) {
    test(`in ${document}`, (t: TestContext) => {
      t.assert.deepStrictEqual(faults(proseOf(sourceOf(document)), sentenceFault), [])
    })
  }
})
