import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { environmentExample, withHandedThroughVariables, withVariablesTable } from '../scripts/write-variables.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const repair = 'is not what the schema says; run: npm run docs'

describe('documentation', () => {
  test('.env.example has every variable with its default or an example', (t: TestContext) => {
    t.assert.equal(read('.env.example'), environmentExample(), `.env.example ${repair}`)
  })

  test('docker-compose.yml hands every variable on', (t: TestContext) => {
    const text = read('docker-compose.yml')
    t.assert.equal(text, withHandedThroughVariables(text), `docker-compose.yml ${repair}`)
  })

  for (const readme of ['README.md', 'README.zh-CN.md']) {
    test(`${readme} has every variable with its default`, (t: TestContext) => {
      const text = read(readme)
      t.assert.match(text, /<!-- variables -->/)
      t.assert.equal(text, withVariablesTable(text, readme !== 'README.md'), `${readme} ${repair}`)
    })
  }
})
