import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { parseArgs } from 'node:util'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { serverJson, serverJsonText } from '../../scripts/server-json.ts'
import { variables } from '../../services/config/variables.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const ajv = new Ajv({ strict: false })
addFormats.default(ajv)
// https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json
const isValid = ajv.compile(JSON.parse(read('test/fixtures/server-json/2025-12-11.schema.json')))

const packageJson = JSON.parse(read('package.json'))
const bundle = { file: `azure-image-editor-mcp-${packageJson.version}.mcpb`, sha256: 'ab'.repeat(32) }

describe('server.json', () => {
  test('is up to date', (t: TestContext) => {
    t.assert.equal(read('server.json'), serverJsonText(), 'server.json is out of date; run: npm run docs')
  })

  for (const [name, json] of [
    ['of the tree', serverJson()],
    ['of a release', serverJson(bundle)],
  ] as const) {
    test(`${name} is valid by the schema of the registry`, (t: TestContext) => {
      t.assert.ok(isValid(json), JSON.stringify(isValid.errors))
      t.assert.ok(!isValid({ ...json, packages: [{ ...json.packages[0], transport: {} }] }))
    })
  }

  test('has the name and version of the package, by which the registry knows its publisher', (t: TestContext) => {
    const { name, version, packages } = serverJson(bundle)
    t.assert.deepEqual([name, version], [packageJson.mcpName, packageJson.version])
    for (const { identifier, ...one } of packages) {
      t.assert.equal('version' in one ? one.version : identifier.split(':').at(-1), version)
    }
    t.assert.equal(packages[0]?.identifier, packageJson.name)
  })

  test('names variables that the service has, and every secret as one', (t: TestContext) => {
    for (const one of serverJson().packages) {
      const inputs = 'environmentVariables' in one ? one.environmentVariables : []
      t.assert.ok(inputs.length > 0)
      for (const { name, isSecret } of inputs) {
        const found = variables.find((variable) => variable.name === name)
        t.assert.ok(found !== undefined && found.secret === (isSecret === true), name)
        if (one.transport.type === 'stdio') t.assert.equal(found.usedBy, 'always', `${name} is not read over stdio`)
      }
    }
  })

  test('starts the service with flags that it has', (t: TestContext) => {
    const usage = read('server.ts')
    for (const one of serverJson().packages) {
      const args = 'packageArguments' in one ? one.packageArguments.map(({ value }) => value) : []
      t.assert.ok(args.every((argument) => usage.includes(`  ${argument} `)))
      const options = { stdio: { type: 'boolean' } } as const
      if (one.registryType === 'mcpb') continue
      t.assert.equal(parseArgs({ args, options }).values.stdio === true, one.transport.type === 'stdio')
    }
  })

  test('of a release has the bundle with its hash, from the repository of the name', (t: TestContext) => {
    const { packages, repository } = serverJson(bundle)
    const mcpb = packages.find(({ registryType }) => registryType === 'mcpb')
    const account = packageJson.mcpName.slice('io.github.'.length)
    t.assert.equal(repository?.url, `https://github.com/${account}`)
    t.assert.equal(
      mcpb?.identifier,
      `https://github.com/${account}/releases/download/v${packageJson.version}/${bundle.file}`,
    )
    t.assert.ok(mcpb !== undefined && 'fileSha256' in mcpb && mcpb.fileSha256 === bundle.sha256)
    t.assert.ok(
      serverJson().packages.every(({ registryType }) => registryType !== 'mcpb'),
      'no hash is known before',
    )
  })
})
