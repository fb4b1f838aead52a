import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { build } from 'rolldown'
import packageJson from '../package.json' with { type: 'json' }
import bundle from '../rolldown.config.ts'
import { buildStudio } from '../web/build.ts'
import { stdioTools } from './published-tools.ts'
import { publishedVariable } from './server-json.ts'

/**
 * Builds `dist/NAME-VERSION.mcpb`, which Claude Desktop and other apps install with a click: the service for stdio with everything it
 * loads, a launcher that copes with the app's Node.js, and sharp for each platform. `npm run mcpb`; `--platform linux-x64` builds a
 * smaller one. https://github.com/modelcontextprotocol/mcpb/blob/main/MANIFEST.md
 */

/** Where desktop apps run that install bundles, as `process.platform` and `process.arch`. */
const platforms = ['darwin-arm64', 'darwin-x64', 'linux-x64', 'win32-arm64', 'win32-x64'] as const

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

/** The oldest Node.js that the bundle supports; the launcher checks it too. */
const OLDEST_NODE = '22.19.0'

/** What the app asks its user for, and the variable that it becomes. */
const userConfig = {
  base_url: { variable: 'AZURE_BASE_URL', type: 'string', title: 'Azure endpoint', required: true },
  api_key: { variable: 'AZURE_API_KEY', type: 'string', title: 'Azure API key', sensitive: true },
  deployment: { variable: 'AZURE_DEPLOYMENT_NAME', type: 'string', title: 'Deployment', required: true },
  model: { variable: 'AZURE_MODEL', type: 'string', title: 'Model' },
  images_folder: { variable: 'IMAGES_DIR', type: 'directory', title: 'Images folder' },
  images_per_day: { variable: 'IMAGES_PER_DAY', type: 'number', title: 'Images per day', default: 0, min: 0 },
} as const

const descriptions: Readonly<Record<string, string>> = {
  AZURE_BASE_URL: 'Such as https://your-endpoint.services.ai.azure.com',
  AZURE_API_KEY: 'A key of that resource. Without one, your sign-in with "az login" is used',
  IMAGES_DIR: 'Folder for saved images. If unset, azure-image-editor/images in your home folder',
}

const describe = (variable: string): string => descriptions[variable] ?? publishedVariable(variable).description

/** @param forPlatforms entries of `platforms` */
async function createManifest(forPlatforms: readonly string[]) {
  const { name, version, description, license, keywords } = packageJson
  const options = Object.entries(userConfig)
  return {
    manifest_version: '0.3',
    name,
    display_name: 'Azure Image Editor',
    version,
    description,
    long_description:
      'Generates and edits images with the models of your Azure AI Foundry resource (FLUX, gpt-image, MAI-Image). Azure bills each image to you. ' +
      'Images are saved in a folder of this computer; nothing is sent anywhere but to your Azure endpoint.',
    author: { name: `${name} contributors` },
    icon: 'icon.png',
    icons: [{ src: 'icon.png', size: '512x512' }],
    server: {
      type: 'node',
      entry_point: 'launcher.cjs',
      mcp_config: {
        command: 'node',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the app fills it in
        args: ['${__dirname}/launcher.cjs', '--stdio'],
        env: {
          ...Object.fromEntries(options.map(([key, { variable }]) => [variable, `\${user_config.${key}}`])),
          // Claude Desktop rejects results of about 1 MB (docs/clients.md).
          INLINE_IMAGE_MAX_BYTES: '700000',
        },
      },
    },
    tools: await stdioTools(),
    tools_generated: true,
    prompts_generated: true,
    keywords,
    license,
    compatibility: {
      platforms: [...new Set(forPlatforms.map((platform) => platform.split('-')[0]))],
      runtimes: { node: `>=${OLDEST_NODE}` },
    },
    user_config: Object.fromEntries(
      options.map(([key, { variable, ...option }]) => [key, { ...option, description: describe(variable) }]),
    ),
  }
}

/** Puts sharp for one platform into `folder`, with the versions and hashes of the lock file. */
async function installSharp(folder: string, platform: string): Promise<void> {
  const { name, version, dependencies } = packageJson
  const only = { name, version, dependencies: { sharp: dependencies.sharp } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(only))
  await cp(join(root, 'package-lock.json'), join(folder, 'package-lock.json'))
  const [os = '', cpu = ''] = platform.split('-')
  const target = [`--os=${os}`, `--cpu=${cpu}`, ...(os === 'linux' ? ['--libc=glibc'] : [])]
  const options = ['--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  // Leaves out what the lock file has besides.
  await run('npm', ['install', ...target, ...options], { cwd: folder })
}

/** Bundles the sources for older Node.js, with every package that they load except the native one. */
async function bundleSources(folder: string): Promise<void> {
  const transform = { target: `node${OLDEST_NODE}` }
  const output = { ...bundle.output, dir: folder }
  // `pg` looks for the second, and does without.
  const external = ['sharp', 'pg-native']
  const common = { cwd: root, external, transform, logLevel: 'silent' } as const
  await build({ ...bundle, ...common, output })
  const input = { 'older-node': join(root, 'deploy/mcpb/older-node.js') }
  await build({ ...common, platform: 'node', input, output: { dir: folder, entryFileNames: '[name].js' } })
}

/** The content of the bundle, unpacked. */
async function stage(folder: string, forPlatforms: readonly string[], work: string): Promise<void> {
  await bundleSources(join(folder, 'dist'))
  await writeFile(join(folder, 'dist/studio.html'), await buildStudio())
  for (const platform of forPlatforms) {
    const installed = join(work, platform)
    await mkdir(installed)
    await installSharp(installed, platform)
    await cp(join(installed, 'node_modules'), join(folder, 'node_modules'), { recursive: true })
  }
  // Sources and scripts to compile it; the binaries are there.
  for (const part of ['src', 'install']) await rm(join(folder, 'node_modules/sharp', part), { recursive: true })
  await rm(join(folder, 'node_modules/.package-lock.json'), { force: true })
  for (const file of ['launcher.cjs', 'icon.png']) await cp(join(root, 'deploy/mcpb', file), join(folder, file))
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const { name, version } = packageJson
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version, private: true, type: 'module' }))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(await createManifest(forPlatforms), null, 2))
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { platform: { type: 'string', multiple: true }, out: { type: 'string' } },
  })
  const forPlatforms = values.platform ?? platforms
  const unknown = forPlatforms.find((platform) => !platforms.some((known) => known === platform))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${platforms.join(', ')}`)
  const file = values.out ?? join(root, 'dist', `${packageJson.name}-${packageJson.version}.mcpb`)
  const work = await mkdtemp(join(tmpdir(), 'mcpb-'))
  try {
    const folder = join(work, 'bundle')
    await stage(folder, forPlatforms, work)
    // Validates the manifest before it packs.
    await run(join(root, 'node_modules/.bin/mcpb'), ['pack', folder, file], { maxBuffer: 16 * 1024 * 1024 })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  const hash = createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
  const { size } = await stat(file)
  process.stdout.write(
    `${file}\n${(size / 1_048_576).toFixed(1)} MiB for ${forPlatforms.join(', ')}\nSHA-256 ${hash}\n`,
  )
}

await main()
