import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import type { Simulator, SimulatorOptions } from '../../../simulator/app.ts'
import { type BuiltApp, listen } from '../app.ts'
import { callTool } from '../service.ts'
import { key, startSimulator } from '../simulator.ts'
import { temporaryFolder } from '../temporary-folder.ts'

export interface StudioService extends BuiltApp {
  url: string
  simulator: Simulator
  /** The newest edit that Azure got: the files, byte for byte. */
  lastEdit(): { prompt: string; image: Buffer | undefined; mask: Buffer | undefined }
  /** How many images calls Azure got. */
  paidCalls(): number
  /** Stores an image without paying for one; its id. */
  upload(bytes: Buffer): Promise<string>
  /** Generates or edits an image as a program does; its id. */
  generate(args: { prompt: string } & Record<string, unknown>): Promise<string>
  edit(args: { image: string; prompt: string } & Record<string, unknown>): Promise<string>
  /** Deletes an image, as another program of the caller does. */
  remove(id: string): Promise<void>
  /** The bytes of the caller's newest image. */
  newestImage(): Promise<Buffer>
}

/** The first is the default and takes masks, the second does not. */
export const MODELS = ['gpt-image-2', 'FLUX.2-pro'] as const

/** The service with the simulator of two models, as the studio wants it: with every tool. */
export async function startStudio(
  t: TestContext,
  environment: Environment = {},
  simulation: SimulatorOptions = {},
): Promise<StudioService> {
  const { simulator, url: azure } = await startSimulator(t, {
    deployments: Object.fromEntries(MODELS.map((each) => [each, each])),
    keepFiles: true,
    ...simulation,
  })
  const deployments = MODELS.map((model, priority) => ({ name: model, deployment: model, priority }))
  const file = join(await temporaryFolder(t), 'deployments.json')
  await writeFile(file, JSON.stringify({ deployments }))
  const built = await listen(t, {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: undefined,
    AZURE_DEPLOYMENTS_FILE: file,
    TOOLS: 'default,update_image,delete_image,cancel_job',
    RATE_LIMIT_PER_MINUTE: '100000',
    ...environment,
  })
  const headers: Record<string, string> =
    environment.MCP_API_KEYS === undefined ? {} : { authorization: `Bearer ${keyOf(environment.MCP_API_KEYS)}` }
  async function imageOf(tool: string, args: Record<string, unknown>): Promise<string> {
    const { text } = await callTool(built.url, tool, args, headers)
    const [, id] = /Image id: (img_[0-9a-z]{26})/.exec(text) ?? []
    if (id === undefined) throw new Error(text)
    return id
  }
  return {
    ...built,
    simulator,
    lastEdit() {
      const { fields = {}, files = [] } = simulator.requests.findLast((request) => request.files.length > 0) ?? {}
      const contentOf = (isWanted: (field: string) => boolean) => files.find(({ field }) => isWanted(field))?.content
      return {
        prompt: String(fields.prompt),
        image: contentOf((field) => field !== 'mask'),
        mask: contentOf((field) => field === 'mask'),
      }
    },
    paidCalls: () => simulator.requests.filter(({ method }) => method === 'POST').length,
    async upload(bytes) {
      const owner =
        environment.MCP_API_KEYS === undefined ? 'address:127.0.0.1' : `key:${nameOf(environment.MCP_API_KEYS)}`
      const asked = built.app.uploads?.request(owner, 'image')
      const response = await fetch(`${built.url}/uploads/${asked?.token}`, {
        method: 'PUT',
        body: new Uint8Array(bytes),
      })
      if (!response.ok) throw new Error(await response.text())
      return asked?.ticket.id ?? ''
    },
    generate: (args) => imageOf('generate_image', args),
    edit: (args) => imageOf('edit_image', args),
    async remove(id) {
      await callTool(built.url, 'delete_image', { id }, headers)
    },
    async newestImage() {
      const { text } = await callTool(built.url, 'find_images', { limit: 1 }, headers)
      const [id] = /img_[0-9a-z]{26}/.exec(text) ?? []
      const { images } = await callTool(built.url, 'get_image', { id, as: 'image' }, headers)
      return images[0] ?? Buffer.alloc(0)
    },
  }
}

/** Of the first caller in `name:key,…`. */
const keyOf = (keys: string) => /:([^,]+)/.exec(keys)?.[1] ?? ''
const nameOf = (keys: string) => /^[^:]+/.exec(keys)?.[0] ?? ''
