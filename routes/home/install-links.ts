import { entries, server, vsCodeInputs } from './clients.ts'

/**
 * Links that open a client and offer it this server: https addresses of the vendors, because GitHub and many pages link to
 * nothing else. Made from the entries of `clients.ts`, so that a button and a file never differ.
 */

export interface InstallLink {
  client: string
  href: string
}

/** An entry of a client's file. */
type Entry = Readonly<Record<string, unknown>>

const encoded = (value: unknown): string => encodeURIComponent(JSON.stringify(value))
const base64 = (value: unknown): string => encodeURIComponent(Buffer.from(JSON.stringify(value)).toString('base64'))

/** https://code.visualstudio.com/api/extension-guides/ai/mcp#mcp-url-handler: `inputs` beside the entry's own members. */
function vsCode(entry: Entry, inputs: readonly Entry[], scheme: 'vscode' | 'vscode-insiders'): string {
  const link = `${scheme}:mcp/install?${encoded({ name: server, ...entry, ...(inputs.length === 0 ? {} : { inputs }) })}`
  return `https://insiders.vscode.dev/redirect?url=${encodeURIComponent(link)}`
}

/** https://cursor.com/docs/mcp/install-links */
const cursor = (entry: Entry): string => `https://cursor.com/install-mcp?name=${server}&config=${base64(entry)}`
/** https://kiro.dev/docs/mcp/share/ */
const kiro = (entry: Entry): string => `https://kiro.dev/launch/mcp/add?name=${server}&config=${encoded(entry)}`
/** https://lmstudio.ai/docs/app/mcp/deeplink */
const lmStudio = (entry: Entry): string => `https://lmstudio.ai/install-mcp?name=${server}&config=${base64(entry)}`

/**
 * For a service that runs.
 * @param url address of the endpoint, with `/mcp`
 * @param hasKey whether calls need an API key; VS Code asks for it, in the others it is filled in afterwards
 */
export function installLinks(url: string, hasKey: boolean): readonly InstallLink[] {
  const inputs = hasKey ? vsCodeInputs : []
  return [
    { client: 'VS Code', href: vsCode(entries.vsCode(url, hasKey), inputs, 'vscode') },
    { client: 'VS Code Insiders', href: vsCode(entries.vsCode(url, hasKey), inputs, 'vscode-insiders') },
    { client: 'Cursor', href: cursor(entries.cursor(url, hasKey)) },
    { client: 'Kiro', href: kiro(entries.kiro(url, hasKey)) },
    { client: 'LM Studio', href: lmStudio(entries.lmStudio(url, hasKey)) },
  ]
}

/** The server that a client starts itself, from npm. */
export const localCommand = { command: 'npx', args: ['-y', 'azure-image-editor-mcp', '--stdio'] }

/** What it needs, as the placeholders that it names in its error until they are replaced. */
export const localEnvironment = {
  AZURE_BASE_URL: 'https://your-endpoint.services.ai.azure.com',
  AZURE_API_KEY: 'your-api-key',
  AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
}

const localInputs = [
  {
    type: 'promptString',
    id: 'azure-base-url',
    description: `Azure endpoint, such as ${localEnvironment.AZURE_BASE_URL}`,
  },
  { type: 'promptString', id: 'azure-api-key', description: 'Azure API key', password: true },
  { type: 'promptString', id: 'azure-deployment', description: 'Name of the deployment in Azure' },
]

/** For a server that the client starts itself. VS Code asks for the three values, in the others they are filled in afterwards. */
export function localInstallLinks(): readonly InstallLink[] {
  const asked = {
    type: 'stdio',
    ...localCommand,
    env: Object.fromEntries(
      Object.keys(localEnvironment).map((name, at) => [name, `\${input:${localInputs[at]?.id}}`]),
    ),
  }
  const filled = { ...localCommand, env: localEnvironment }
  return [
    { client: 'VS Code', href: vsCode(asked, localInputs, 'vscode') },
    { client: 'VS Code Insiders', href: vsCode(asked, localInputs, 'vscode-insiders') },
    { client: 'Cursor', href: cursor(filled) },
    { client: 'Kiro', href: kiro(filled) },
    { client: 'LM Studio', href: lmStudio(filled) },
  ]
}
