import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { variables } from '../services/config/variables.ts'

/**
 * `server.json`, which the MCP registry and clients that read it install the service by. `npm run docs` writes the one of the tree;
 * `node scripts/server-json.ts --mcpb FILE` prints the one to publish, with the bundle of a release, whose hash nobody knows before.
 * https://github.com/modelcontextprotocol/registry/blob/main/docs/reference/server-json/generic-server-json.md
 */

/** In the place of the account that publishes; `npm run check:release` asks for it. */
export const OWNER_PLACEHOLDER = 'OWNER'

/** At most 100 characters. */
const DESCRIPTION = 'Generate and edit images with your own models in Azure AI Foundry: FLUX, gpt-image, MAI-Image'

const { mcpName, name, version } = packageJson

interface Input {
  name: string
  description: string
  isRequired?: boolean
  isSecret?: boolean
  format?: 'string' | 'number' | 'filepath'
  choices?: readonly string[]
  default?: string
  placeholder?: string
}

/** A variable as a form of a client asks for it. */
export function publishedVariable(name: string, extra: Omit<Partial<Input>, 'name'> = {}): Input {
  const found = variables.find((one) => one.name === name)
  if (found === undefined) throw new Error(`${name} is no variable of the service`)
  return {
    name,
    description: found.description.replaceAll('`', ''),
    ...(found.secret ? { isSecret: true } : {}),
    ...extra,
  }
}

const azure = (): Input[] => [
  publishedVariable('AZURE_BASE_URL', { isRequired: true, placeholder: 'https://your-endpoint.services.ai.azure.com' }),
  // Not required, because AZURE_AUTH=entra needs none.
  publishedVariable('AZURE_API_KEY'),
  publishedVariable('AZURE_DEPLOYMENT_NAME', { isRequired: true, placeholder: 'FLUX.1-Kontext-pro' }),
  publishedVariable('AZURE_MODEL'),
  publishedVariable('AZURE_AUTH', { choices: ['key', 'entra'], default: 'key' }),
  publishedVariable('IMAGES_PER_DAY', { format: 'number', default: '0' }),
]

const positional = (value: string) => ({ type: 'positional', value })

function npmPackage() {
  return {
    registryType: 'npm',
    identifier: name,
    version,
    runtimeHint: 'npx',
    runtimeArguments: [positional('-y')],
    packageArguments: [positional('--stdio')],
    environmentVariables: [...azure(), publishedVariable('IMAGES_DIR', { format: 'filepath' })],
    transport: { type: 'stdio' },
  }
}

/** Clients add `run -i --rm` and a flag for each variable by themselves. */
function image(owner: string) {
  const volume = { type: 'named', name: '--volume', value: 'azure-image-editor:/app/images' }
  const common = {
    registryType: 'oci',
    identifier: `ghcr.io/${owner === OWNER_PLACEHOLDER ? owner : owner.toLowerCase()}/${name}:${version}`,
    runtimeHint: 'docker',
  }
  return [
    {
      ...common,
      runtimeArguments: [volume],
      packageArguments: [positional('--stdio')],
      environmentVariables: azure(),
      transport: { type: 'stdio' },
    },
    {
      ...common,
      runtimeArguments: [{ type: 'named', name: '--publish', value: '127.0.0.1:8000:8000' }, volume],
      environmentVariables: azure(),
      transport: { type: 'streamable-http', url: 'http://localhost:8000/mcp' },
    },
  ]
}

interface Bundle {
  file: string
  sha256: string
}

/** @param bundle what `npm run mcpb` has built, uploaded to the release of this version */
export function serverJson(bundle?: Bundle) {
  const [namespace = ''] = mcpName.split('/')
  const owner = namespace.replace(/^io\.github\./, '')
  const repository = `https://github.com/${owner}/${name}`
  const mcpb = bundle && {
    registryType: 'mcpb',
    identifier: `${repository}/releases/download/v${version}/${bundle.file}`,
    version,
    fileSha256: bundle.sha256,
    transport: { type: 'stdio' },
  }
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: mcpName,
    title: 'Azure Image Editor',
    description: DESCRIPTION,
    version,
    ...(bundle === undefined ? {} : { repository: { url: repository, source: 'github' } }),
    packages: [npmPackage(), ...image(owner), ...(mcpb === undefined ? [] : [mcpb])],
  }
}

export const serverJsonText = (bundle?: Bundle): string => `${JSON.stringify(serverJson(bundle), null, 2)}\n`

if (import.meta.main) {
  const { mcpb } = parseArgs({ options: { mcpb: { type: 'string' } } }).values
  const bundle = mcpb && {
    file: basename(mcpb),
    sha256: createHash('sha256').update(readFileSync(mcpb)).digest('hex'),
  }
  process.stdout.write(serverJsonText(bundle || undefined))
}
