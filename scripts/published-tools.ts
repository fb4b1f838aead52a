import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { createApp } from '../app.ts'

/** The tools that the service publishes over HTTP with the variables of `.env.example`, for the READMEs. */

interface PublishedTool {
  name: string
  inputSchema: { properties: Record<string, unknown>; required?: readonly string[] }
}

async function listTools(environment: Record<string, string>): Promise<PublishedTool[]> {
  const app = await createApp({
    environment,
    logDestination: new Writable({ write: (_chunk, _encoding, done) => done() }),
  })
  try {
    const payload = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const response = await app.inject({ method: 'POST', url: '/', headers: { host: 'localhost' }, payload })
    return response.json().result.tools
  } finally {
    await app.close()
  }
}

/** `list_models` is added from a configuration with two deployments; one deployment has nothing to list. */
async function publishedTools(): Promise<PublishedTool[]> {
  const folder = await mkdtemp(join(tmpdir(), 'published-tools-'))
  try {
    const base = { AZURE_BASE_URL: 'http://127.0.0.1:9', AZURE_API_KEY: 'unused', IMAGES_DIR: folder }
    const file = join(folder, 'deployments.json')
    const deployment = 'FLUX.1-Kontext-pro'
    await writeFile(file, JSON.stringify({ deployments: ['a', 'b'].map((name) => ({ name, deployment })) }))
    const tools = await listTools({ ...base, AZURE_DEPLOYMENT_NAME: deployment })
    const several = await listTools({ ...base, AZURE_DEPLOYMENTS_FILE: file })
    return [...tools, ...several.filter(({ name }) => !tools.some((tool) => tool.name === name))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Replaces the rows between `<!-- tools -->` and `<!-- /tools -->`, keeping the head of the table. */
export async function withTools(markdown: string): Promise<string> {
  const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ') || '–'
  const rows = (await publishedTools()).map(({ name, inputSchema: { properties, required = [] } }) => {
    const optional = Object.keys(properties).filter((argument) => !required.includes(argument))
    return `| \`${name}\` | ${code(required)} | ${code(optional)} |\n`
  })
  return markdown.replace(
    /(<!-- tools -->\n\|.*\n\|.*\n)[\s\S]*?(<!-- \/tools -->)/,
    (_all, head: string, end: string) => head + rows.join('') + end,
  )
}
