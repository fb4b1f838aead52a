import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { identityProblems, MAX_SOURCE_AGE_DAYS, newestRelease, staleSources } from '../../scripts/check-release.ts'
import { modelTable, type ShippedModel } from '../../services/azure/models/table.ts'

const dayAfter = (day: string, days: number) => new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)

/** The first row with all its sources checked on this day. */
function checkedOn(checked: string): ShippedModel {
  const [row] = modelTable
  if (row === undefined) throw new Error('the table is empty')
  const source = { url: 'https://example.org', checked }
  return { ...row, sources: { capabilities: source, price: source, retirement: source } }
}

describe('a release', () => {
  test('needs sources that were checked in the 120 days before it', (t: TestContext) => {
    const row = checkedOn('2026-11-26')
    t.assert.deepEqual(staleSources([row], dayAfter('2026-11-26', MAX_SOURCE_AGE_DAYS)), [])
    t.assert.deepEqual(
      staleSources([row], '2027-03-27'),
      ['capabilities', 'price', 'retirement'].map(
        (fact) =>
          `${row.id}: the source of ${fact} was last checked on 2026-11-26, 121 days before the release: https://example.org`,
      ),
    )
    t.assert.match(staleSources([row], '2026-11-25').join(), /after the release/)
  })

  test('is the newest one of the change log that has a day', (t: TestContext) => {
    const log = '# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2027-01-15\n\n## [1.1.0] - 2026-12-01\n'
    t.assert.deepEqual(newestRelease(log), { version: '1.2.0', day: '2027-01-15' })
    t.assert.equal(newestRelease('## [Unreleased]\n'), undefined)
  })

  // Not today: a suite that fails because time passes says nothing about a change.
  test('of the change log had fresh sources', (t: TestContext) => {
    const changelog = readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8')
    const released = newestRelease(changelog)
    const stale = released === undefined ? [] : staleSources(modelTable, released.day)
    const old = stale.filter((problem) => !problem.includes('after the release'))
    t.assert.deepEqual(old, [], 'look at these pages again, correct services/azure/models/table.ts, and set `checked`')
  })
})

describe('what registries compare', () => {
  const name = 'io.github.somebody/azure-image-editor-mcp'
  const packageJson = { version: '1.2.3', mcpName: name, repository: 'github:somebody/azure-image-editor-mcp' }
  const packages = [{ identifier: 'azure-image-editor-mcp', version: '1.2.3' }, { identifier: 'ghcr.io/a/b:1.2.3' }]
  const serverJson = { version: '1.2.3', name, packages }
  const ready = { packageJson, serverJson, dockerfile: `ARG VERSION=1.2.3\nARG MCP_NAME=${name}\n` }

  test('is one name and one version everywhere', (t: TestContext) => {
    t.assert.deepEqual(identityProblems(ready), [])
    const newer = { ...ready, packageJson: { ...packageJson, version: '1.3.0' } }
    t.assert.match(identityProblems(newer).join(), /server\.json.*Dockerfile: set ARG VERSION=1\.3\.0$/)
    const oldImage = { ...serverJson, packages: [{ identifier: 'ghcr.io/a/b:1.2.2' }] }
    t.assert.match(identityProblems({ ...ready, serverJson: oldImage }).join(), /^server\.json/)
    t.assert.match(
      identityProblems({ ...ready, dockerfile: 'ARG VERSION=1.2.3' }).join(),
      /^Dockerfile: set ARG MCP_NAME/,
    )
  })

  test('has no placeholder, and an address', (t: TestContext) => {
    const unknown = { version: '1.2.3', mcpName: 'io.github.OWNER/azure-image-editor-mcp' }
    const problems = identityProblems({ ...ready, packageJson: unknown }).join()
    t.assert.match(problems, /replace OWNER in mcpName.*add repository/)
  })
})

describe('every row of the model table', () => {
  for (const { id, price, retires, sources } of modelTable) {
    test(`${id} says where its facts come from`, (t: TestContext) => {
      for (const { url, checked } of Object.values(sources)) {
        t.assert.equal(URL.parse(url)?.protocol, 'https:')
        t.assert.equal(dayAfter(checked, 0), checked)
      }
      const dates = [price?.asOf, retires].filter((date) => date !== undefined)
      for (const date of dates) t.assert.equal(dayAfter(date, 0), date)
      t.assert.ok((price?.asOf ?? '') <= sources.price.checked, 'a price cannot be newer than the look at it')
    })
  }
})
