import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { withTools } from '../../scripts/published-tools.ts'
import { environmentExample, readmes, withHandedThroughVariables, withTables } from '../../scripts/write-docs.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const repair = 'is not what the code says; run: npm run docs'

describe('documentation', () => {
  test('.env.example has every variable with its default or an example', (t: TestContext) => {
    t.assert.equal(read('.env.example'), environmentExample(), `.env.example ${repair}`)
  })

  test('docker-compose.yml passes every variable on', (t: TestContext) => {
    const text = read('docker-compose.yml')
    t.assert.equal(text, withHandedThroughVariables(text), `docker-compose.yml ${repair}`)
  })

  for (const [readme, language] of Object.entries(readmes)) {
    test(`${readme} has every variable with its default, every metric and every error`, (t: TestContext) => {
      const text = read(readme)
      for (const table of ['variables', 'metrics', 'errors']) t.assert.match(text, new RegExp(`<!-- ${table} -->`))
      t.assert.equal(text, withTables(text, language), `${readme} ${repair}`)
    })
  }

  for (const readme of ['README.md', 'README.zh-CN.md']) {
    test(`${readme} lists the tools and arguments that are published`, async (t: TestContext) => {
      const text = read(readme)
      t.assert.match(text, /<!-- tools -->[\s\S]*`list_models`[\s\S]*<!-- \/tools -->/)
      t.assert.equal(text, await withTools(text), `${readme} ${repair}`)
    })
  }

  test('CONTRIBUTING.md gives the reason for every dependency', (t: TestContext) => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'))
    const text = read('CONTRIBUTING.md')
    const unnamed = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !text.includes(`\`${name}\``))
    t.assert.deepEqual(unnamed, [])
  })
})
