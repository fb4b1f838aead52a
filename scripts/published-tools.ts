import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import Type from 'typebox'
import { createApp } from '../app.ts'
import { modelTable } from '../services/azure/models/table.ts'

/** The tools that the service publishes, with the variables of `.env.example` and with every model, for the READMEs. */

interface PublishedTool {
  name: string
  title: string | undefined
  inputSchema: { properties: Record<string, unknown>; required?: readonly string[] }
}

type Transport = 'http' | 'stdio'

const example = { AZURE_BASE_URL: 'http://127.0.0.1:9', AZURE_API_KEY: 'unused' }

async function listTools(environment: Record<string, string>, transport: Transport = 'http'): Promise<PublishedTool[]> {
  const app = await createApp({
    environment,
    transport,
    logDestination: new Writable({ write: (_chunk, _encoding, done) => done() }),
  })
  try {
    await app.ready()
    // Readers of these lists have no use for what only the studio calls.
    const tools = app.tools().filter(({ ui }) => ui?.visibility === undefined)
    return tools.map(({ name, title, inputSchema }) => {
      if (!Type.IsObject(inputSchema)) throw new Error(`the arguments of ${name} are no object`)
      return { name, title, inputSchema }
    })
  } finally {
    await app.close()
  }
}

/** The tools of the default configuration, and those of all models together, over HTTP and over stdio. */
async function publishedTools(): Promise<{ usual: PublishedTool[]; all: PublishedTool[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'published-tools-'))
  try {
    const base = { ...example, IMAGES_DIR: folder }
    const file = join(folder, 'deployments.json')
    const deployments = modelTable.map(({ id }) => ({ name: id, deployment: id }))
    await writeFile(file, JSON.stringify({ deployments }))
    const several = { ...base, AZURE_DEPLOYMENTS_FILE: file }
    const usual = await listTools({ ...base, AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro' })
    return { usual, all: [...(await listTools(several)), ...(await listTools(several, 'stdio'))] }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Names and titles of the tools over stdio, with the variables of `.env.example`. */
export async function stdioTools(): Promise<{ name: string; description: string }[]> {
  const folder = await mkdtemp(join(tmpdir(), 'published-tools-'))
  try {
    const environment = { ...example, IMAGES_DIR: folder, AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro' }
    const tools = await listTools(environment, 'stdio')
    return tools.map(({ name, title }) => ({ name, description: title ?? name }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const argumentsOf = (tools: readonly PublishedTool[], name: string): Set<string> =>
  new Set(tools.filter((tool) => tool.name === name).flatMap(({ inputSchema }) => Object.keys(inputSchema.properties)))

/** Replaces the rows between `<!-- tools -->` and `<!-- /tools -->`, keeping the head of the table. */
export async function withTools(markdown: string): Promise<string> {
  const { usual, all } = await publishedTools()
  const code = (names: Iterable<string>) => [...names].map((name) => `\`${name}\``).join(', ') || '–'
  const rows = [...new Set([...usual, ...all].map(({ name }) => name))].map((name) => {
    const required = new Set(usual.find((tool) => tool.name === name)?.inputSchema.required ?? [])
    const known = argumentsOf(usual, name)
    return `| \`${name}\` | ${code(required)} | ${code(known.difference(required))} | ${code(argumentsOf(all, name).difference(known))} |\n`
  })
  return markdown.replace(
    /(<!-- tools -->\n\|.*\n\|.*\n)[\s\S]*?(<!-- \/tools -->)/,
    (_all, head: string, end: string) => head + rows.join('') + end,
  )
}
