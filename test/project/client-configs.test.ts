import { describe, type TestContext, test } from 'node:test'
import Value from 'typebox/value'
import { parse } from 'yaml'
import { describeResources } from '../../services/auth/resource-metadata.ts'
import { variables } from '../../services/config/variables.ts'
import { clientPages, clientSections, configSchemas } from '../support/client-configs.ts'
import { examplesOf, readDocument } from '../support/markdown.ts'

const page = 'docs/clients.md'
const inChinese = (document: string) => document.replace(/\.md$/, '.zh-CN.md')

/** Cells of the table on a page, one row a client. */
const rowsOf = (document: string) =>
  readDocument(document)
    .split('\n')
    .filter((line) => /^\| \[/.test(line))
    .map((line) => {
      const [client = '', ends = '', setting = '', results = '', service = '', run = '', ...more] = line
        .slice(2, -2)
        .split(' | ')
      return { client, ends, setting, results, service, run, more }
    })

const isValid = (client: string, config: unknown) => {
  const schema = configSchemas[client]
  return schema !== undefined && Value.Check(schema, config)
}

for (const document of clientPages) {
  const rows = rowsOf(document)

  describe(document, () => {
    test('has a section for every client of its table, in the same order', (t: TestContext) => {
      const linked = rows.map(({ client }) => /^\[(.+)\]\(#.+\)$/.exec(client)?.[1])
      t.assert.ok(linked.length > 15)
      t.assert.deepEqual(
        linked,
        clientSections(document).map(({ client }) => client),
      )
    })

    test('says of every client when a call ends and how it was run here', (t: TestContext) => {
      for (const { client, run, more, ...cells } of rows) {
        t.assert.match(run, /^(?:tests|by hand|not run here)(?: \(.+\))?$/, client)
        for (const cell of Object.values(cells)) t.assert.notEqual(cell, '', client)
        t.assert.deepEqual(more, [], client)
      }
    })

    for (const { client, text, examples } of clientSections(document)) {
      test(`has a configuration for ${client}, or says why not`, (t: TestContext) => {
        if (examples.length === 0) {
          t.assert.match(text, /^No configuration (?:file|here):/m)
          return
        }
        for (const { language, code } of examples) {
          if (language === 'json') t.assert.ok(isValid(client, JSON.parse(code)), code)
          if (language === 'yaml') t.assert.ok(isValid(client, parse(code)), code)
          if (language === 'toml') t.assert.match(code, /^\[[\w.-]+\]\n(?:\w+ = (?:"[^"]+"|\d+)\n)+$/)
        }
        const all = examples.map(({ code }) => code).join('\n')
        t.assert.match(all, /https:\/\/images\.example\.com(?:\/mcp|")|localhost:8000\/mcp|--stdio/)
        t.assert.match(`${all}${text}`, /IMAGE_EDITOR_KEY|your-key|your-api-key|with the key|input:image-editor-key/)
      })
    }

    test('has the same clients and links in Chinese', (t: TestContext) => {
      const links = (path: string) =>
        rowsOf(path).map((row) => [...JSON.stringify(row).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target))
      t.assert.deepEqual(links(inChinese(document)), links(document))
    })
  })
}

describe('the configurations', () => {
  test('refers to an input of VS Code only if it is declared', (t: TestContext) => {
    for (const { code } of everyVsCodeConfig()) {
      const declared = [...code.matchAll(/"id": "([\w-]+)"/g)].map(([, id]) => id)
      for (const [, id] of code.matchAll(/\$\{input:([\w-]+)\}/g)) t.assert.ok(declared.includes(id), code)
    }
  })

  test('sets only variables that the service has', (t: TestContext) => {
    const names = variables.map(({ name }) => name)
    for (const { code } of documentedConfigs().filter(({ code }) => code.includes('--stdio')))
      for (const [, name = ''] of code.matchAll(/"([A-Z_]+)":/g)) t.assert.ok(names.includes(name), name)
  })
})

/** Blocks of other documents that configure a client. */
function documentedConfigs() {
  const documents = ['README.md', 'docs/security.md', 'docs/entra.md', ...clientPages]
  return documents
    .flatMap(examplesOf)
    .filter(({ language, code }) => language === 'json' && /[sS]ervers"|"mcp"/.test(code))
}

function everyVsCodeConfig() {
  return documentedConfigs().filter(({ code }) => 'servers' in JSON.parse(code))
}

test('every configuration in the other documents is one that its client accepts', (t: TestContext) => {
  const others = documentedConfigs().filter(({ document }) => document !== page)
  t.assert.ok(others.length >= 4)
  for (const { document, line, code } of others) {
    const config: unknown = JSON.parse(code)
    t.assert.ok(
      Object.keys(configSchemas).some((client) => isValid(client, config)),
      `${document}:${line}`,
    )
  }
})

test('a configuration with a member that its client does not know is invalid', (t: TestContext) => {
  const good = { mcpServers: { 'azure-image-editor': { url: 'https://images.example.com/mcp' } } }
  t.assert.ok(isValid('Cursor', good))
  t.assert.ok(!isValid('Windsurf', good))
  t.assert.ok(!isValid('Claude Code', good))
  t.assert.ok(!isValid('Cursor', { ...good, inputs: [] }))
})

test('the guide to connectors names the address to which Claude returns', (t: TestContext) => {
  for (const document of [page, 'docs/clients.zh-CN.md', 'docs/entra.md', 'docs/entra.zh-CN.md'])
    t.assert.match(readDocument(document), /`https:\/\/claude\.ai\/api\/mcp\/auth_callback`/, document)
})

test('the guide to Entra asks for a scope below the address that clients send as resource', (t: TestContext) => {
  for (const document of ['docs/entra.md', 'docs/entra.zh-CN.md']) {
    const [settings = ''] = /```ini\n[\s\S]*?```/.exec(readDocument(document)) ?? []
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(settings)?.[1] ?? ''
    const { resource } = describeResources(value('PUBLIC_URL')).mcp
    t.assert.equal(value('OAUTH_REQUIRED_SCOPES'), `${resource}/images.make`, document)
    const names = [...settings.matchAll(/^(\w+)=/gm)].map(([, name]) => name)
    t.assert.deepEqual(
      names.filter((name) => !variables.some((variable) => variable.name === name)),
      [],
    )
  }
})
