import { describe, type TestContext, test } from 'node:test'
import Value from 'typebox/value'
import { clientSetups } from '../../../routes/home/clients.ts'
import {
  type InstallLink,
  installLinks,
  localCommand,
  localEnvironment,
  localInstallLinks,
} from '../../../routes/home/install-links.ts'
import { withInstallButtons } from '../../../scripts/install-buttons.ts'
import { variables } from '../../../services/config/variables.ts'
import { buildApp } from '../../support/app.ts'
import { configSchemas } from '../../support/client-configs.ts'
import { readDocument } from '../../support/markdown.ts'

const url = 'https://images.example.com/mcp'
const name = 'azure-image-editor'

/** What a client reads from its link, by the rules of its vendor: the entry of its file, and what it asks for. */
function decode({ client, href }: InstallLink): { name: string | null; entry: object; inputs?: object[] } {
  const link = new URL(href)
  const config = link.searchParams.get('config') ?? ''
  if (client.startsWith('VS Code')) {
    const target = link.searchParams.get('url') ?? ''
    const scheme = client.endsWith('Insiders') ? 'vscode-insiders:' : 'vscode:'
    const [address = '', json = ''] = target.split('?')
    if (address !== `${scheme}mcp/install`) throw new Error(target)
    const { name, inputs, ...entry } = JSON.parse(decodeURIComponent(json))
    return inputs === undefined ? { name, entry } : { name, entry, inputs }
  }
  const json = client === 'Kiro' ? config : Buffer.from(config, 'base64').toString('utf8')
  return { name: link.searchParams.get('name'), entry: JSON.parse(json) }
}

const addresses: Readonly<Record<string, string>> = {
  'VS Code': 'https://insiders.vscode.dev/redirect',
  'VS Code Insiders': 'https://insiders.vscode.dev/redirect',
  Cursor: 'https://cursor.com/install-mcp',
  Kiro: 'https://kiro.dev/launch/mcp/add',
  'LM Studio': 'https://lmstudio.ai/install-mcp',
}

describe('an install link', () => {
  for (const hasKey of [false, true]) {
    for (const link of installLinks(url, hasKey)) {
      test(`of ${link.client}${hasKey ? ' with a key' : ''} has the entry of its file`, (t: TestContext) => {
        const client = link.client.replace(' Insiders', '')
        const { entry, inputs, ...decoded } = decode(link)
        const file = JSON.parse(clientSetups(url, hasKey).find((setup) => setup.name === client)?.text ?? '')
        t.assert.equal(decoded.name, name)
        t.assert.deepEqual(entry, (file.servers ?? file.mcpServers)[name])
        t.assert.deepEqual(inputs, file.inputs)
        const schema = configSchemas[client]
        t.assert.ok(schema !== undefined && Value.Check(schema, file))
        t.assert.equal(link.href.split('?')[0], addresses[link.client])
      })
    }
  }

  for (const link of localInstallLinks()) {
    test(`of ${link.client} for npm starts the package over stdio, with what it needs`, (t: TestContext) => {
      const { entry, inputs = [] } = decode(link)
      const { command, args, env } = Object.assign({ command: '', args: [], env: {} }, entry)
      t.assert.deepEqual({ command, args }, localCommand)
      t.assert.deepEqual(Object.keys(env), Object.keys(localEnvironment))
      t.assert.ok(Object.keys(env).every((one) => variables.some(({ name, required }) => name === one && required)))
      const asked = Object.values(env).flatMap((value) => /^\$\{input:([\w-]+)\}$/.exec(String(value))?.[1] ?? [])
      t.assert.deepEqual(
        asked,
        inputs.map((input) => Object(input).id),
      )
      t.assert.equal(asked.length, link.client.startsWith('VS Code') ? 3 : 0)
    })
  }

  test('never holds a key', (t: TestContext) => {
    for (const { href } of [...installLinks(url, true), ...localInstallLinks()]) {
      t.assert.doesNotMatch(href, /[\s"<>()]/)
      t.assert.ok(href.length < 2_000, 'longer ones are cut off by some browsers')
    }
  })
})

test('GET / offers each link with its own address', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const { body } = await app.inject({ url: '/', headers: { host: 'localhost:9000' } })
  for (const { href } of installLinks('http://localhost:9000/mcp', false)) {
    t.assert.ok(body.includes(`href="${href.replaceAll('&', '&amp;')}"`), href)
  }
})

for (const [document, kinds] of Object.entries({
  'README.md': ['running'],
  'README.zh-CN.md': ['running'],
  'docs/clients.md': ['running', 'npm'],
  'docs/clients.zh-CN.md': ['running', 'npm'],
})) {
  test(`the buttons of ${document} are up to date`, (t: TestContext) => {
    const text = readDocument(document)
    for (const kind of kinds) t.assert.ok(text.includes(`<!-- install ${kind} -->`), kind)
    t.assert.equal(text, withInstallButtons(text), `${document} is out of date; run: npm run docs`)
  })
}
