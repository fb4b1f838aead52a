import { globSync, readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { GROUPS } from '../../schemas/config-row.ts'
import { otherToolNames } from '../../schemas/tools.ts'
import type { FaultRow } from '../../scripts/faults/row.ts'
import { faultRows } from '../../scripts/faults/rows.ts'
import { withTools } from '../../scripts/published-tools.ts'
import { documents, environmentExample, withHandedThroughVariables, withTables } from '../../scripts/write-docs.ts'
import { faultMessages } from '../../services/errors/faults.ts'
import { createPrompts } from '../../services/prompts/index.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const repair = 'is out of date; run: npm run docs'

describe('documentation', () => {
  test('.env.example has every variable with its default or an example', (t: TestContext) => {
    t.assert.equal(read('.env.example'), environmentExample(), `.env.example ${repair}`)
  })

  test('docker-compose.yml passes every variable on', (t: TestContext) => {
    const text = read('docker-compose.yml')
    t.assert.equal(text, withHandedThroughVariables(text), `docker-compose.yml ${repair}`)
  })

  const tablesOf = (path: string) => {
    if (path.startsWith('README')) return ['variables']
    if (path.startsWith('docs/configuration')) return GROUPS.map((group) => `variables-${group}`)
    return [/^docs\/(\w+)/.exec(path)?.[1] ?? '']
  }

  for (const [path, language] of Object.entries(documents)) {
    test(`the tables of ${path} are up to date`, (t: TestContext) => {
      const text = read(path)
      for (const table of tablesOf(path)) t.assert.match(text, new RegExp(`<!-- ${table} -->`))
      t.assert.equal(text, withTables(text, language), `${path} ${repair}`)
    })
  }

  for (const path of ['README.zh-CN.md', 'docs/configuration.zh-CN.md', 'docs/metrics.zh-CN.md']) {
    test(`${path} has every description in Chinese`, (t: TestContext) => {
      const described = read(path).replace(/<!-- tools -->[\s\S]*<!-- \/tools -->/, '')
      const rows = [...described.matchAll(/^\| `\w+`.* \| (.+) \|$/gm)]
      t.assert.ok(rows.length >= 10)
      const untranslated = rows.filter(([, description = '']) => !/\p{Script=Han}/u.test(description))
      t.assert.deepEqual(
        untranslated.map(([row]) => row),
        [],
      )
    })
  }

  for (const readme of ['README.md', 'README.zh-CN.md']) {
    test(`${readme} lists the tools and arguments that are published`, async (t: TestContext) => {
      const text = read(readme)
      t.assert.match(text, /<!-- tools -->[\s\S]*`list_models`[\s\S]*<!-- \/tools -->/)
      t.assert.equal(text, await withTools(text), `${readme} ${repair}`)
    })
  }

  for (const readme of ['README.md', 'README.zh-CN.md']) {
    test(`${readme} names the tools that TOOLS adds`, (t: TestContext) => {
      const text = read(readme)
      for (const name of otherToolNames) t.assert.ok(text.includes(`\`${name}\``), name)
    })

    test(`${readme} names every prompt`, (t: TestContext) => {
      const text = read(readme)
      t.assert.deepEqual(
        createPrompts({ hasLibrary: true })
          .map(({ name }) => name)
          .filter((name) => !text.includes(`\`${name}\``)),
        [],
      )
    })
  }

  test('docs/tracing.md names everything that a span may say, in both languages', (t: TestContext) => {
    const facts = /interface SpanFacts \{([\s\S]*?)\n\}/.exec(read('services/telemetry/trace.ts'))?.[1] ?? ''
    const names = [...facts.matchAll(/^ {2}'([\w.]+)'\?:/gm)].map(([, name = '']) => name)
    t.assert.ok(names.length > 20, facts)
    for (const page of ['docs/tracing.md', 'docs/tracing.zh-CN.md']) {
      const text = read(page).replace('`…output_tokens`', '`gen_ai.usage.output_tokens`')
      t.assert.deepEqual(
        names.filter((name) => !text.includes(`\`${name}\``)),
        [],
        page,
      )
    }
  })

  test('each fault of docs/faults.md is caused by a test', (t: TestContext) => {
    const tests = globSync('test/system/faults-*.system.ts', { cwd: new URL('../..', import.meta.url) }).map(read)
    const isCaused = (name: string) => new RegExp(`'${name}'|^ +${name}: `, 'm').test(tests.join('\n'))
    t.assert.deepEqual(
      Object.keys(faultRows).filter((name) => !isCaused(name)),
      [],
    )
    const codes: readonly (string | undefined)[] = Object.values<FaultRow>(faultRows).map(({ code }) => code)
    t.assert.deepEqual(
      Object.keys(faultMessages).filter((code) => !codes.includes(code)),
      [],
    )
  })

  test('CONTRIBUTING.md gives the reason for every dependency', (t: TestContext) => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'))
    const text = read('CONTRIBUTING.md')
    const unnamed = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !text.includes(`\`${name}\``))
    t.assert.deepEqual(unnamed, [])
  })
})
