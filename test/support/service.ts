import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { request } from 'undici'
import type { AppOptions } from '../../app.ts'
import type { Environment } from '../../services/config/environment.ts'
import type { Simulator, SimulatorOptions } from '../../simulator/app.ts'
import { type BuiltApp, listen } from './app.ts'
import { containerFlags } from './container-flags.ts'
import { type Process, startProcess } from './process.ts'
import { key, startSimulator } from './simulator.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Service extends BuiltApp {
  url: string
  simulator: Simulator
}

/** The service with the simulator, both on sockets. */
export async function startService(
  t: TestContext,
  environment: Environment = {},
  simulation: SimulatorOptions = {},
  options: Partial<AppOptions> = {},
): Promise<Service> {
  const { simulator, url } = await startSimulator(t, simulation)
  const service = await listen(t, { AZURE_BASE_URL: url, AZURE_API_KEY: key, ...environment }, options)
  return { ...service, simulator }
}

export interface ContainedService {
  url: string
  simulator: Simulator
  images: string
  process: Process
}

/** The same as a process with the flags of the container. */
export async function startContained(
  t: TestContext,
  environment: Record<string, string> = {},
  simulation: SimulatorOptions = {},
): Promise<ContainedService> {
  const { simulator, url } = await startSimulator(t, simulation)
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const variables = { AZURE_BASE_URL: url, AZURE_API_KEY: key, IMAGES_DIR: images, ...environment }
  const process = await startProcess(t, variables, containerFlags({ images }))
  return { url: process.url, simulator, images, process }
}

export interface Content {
  type: string
  text?: string
  data?: string
  mimeType?: string
}

export interface RpcResponse {
  jsonrpc: string
  id: number | string | null
  result?: { content: Content[]; isError?: boolean }
  error?: { code: number; message: string; data?: unknown }
}

/**
 * Sends a body as `curl` does: without MCP headers, for any type, and on a connection that ends with the response,
 * which proves delivery.
 */
export async function post(
  url: string,
  body: string,
  more: Record<string, string> = {},
): Promise<{ status: number; response: RpcResponse }> {
  const headers = { 'content-type': 'application/json', accept: '*/*', ...more }
  const response = await request(url, { method: 'POST', headers, body, reset: true })
  return { status: response.statusCode, response: JSON.parse(await response.body.text()) }
}

export interface ToolOutput {
  text: string
  isError: boolean
  /** Decoded bytes of the images. */
  images: Buffer[]
  content: Content[]
}

/** Calls a tool and returns the parts of its result. */
export async function callTool(
  url: string,
  name: string,
  args: object,
  headers: Record<string, string> = {},
): Promise<ToolOutput> {
  const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name, arguments: args } }
  const { response } = await post(url, JSON.stringify(call), headers)
  if (response.result === undefined) throw new Error(`no result: ${JSON.stringify(response)}`)
  const { content, isError = false } = response.result
  return {
    text: content.flatMap(({ text }) => text ?? []).join('\n'),
    isError,
    images: content.flatMap(({ data }) => (data === undefined ? [] : [Buffer.from(data, 'base64')])),
    content,
  }
}
