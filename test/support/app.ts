import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { type CreateAppOptions, createApp } from '../../app.ts'
import type { Environment } from '../../services/config/environment.ts'
import './loaded.ts'
import { checkSchema } from './schema-check.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Collects log lines. */
export class LogLines extends Writable {
  readonly lines: string[] = []

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.lines.push(...chunk.toString('utf8').trimEnd().split('\n'))
    done()
  }

  get text(): string {
    return this.lines.join('\n')
  }

  get entries(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line))
  }
}

/** The required variables, and settings for tests. */
export const minimalEnvironment: Environment = {
  AZURE_BASE_URL: 'http://127.0.0.1:9',
  AZURE_API_KEY: 'test-key',
  AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
  MCP_SERVER_PORT: '0',
  // A test that leaves a call running must not wait for it at the end.
  SHUTDOWN_GRACE_MS: '200',
  // Load of other tests must not shed requests, nor make a result leave without its id.
  MAX_EVENT_LOOP_DELAY_MS: '60000',
  LIBRARY_WAIT_MS: '60000',
}

export interface BuiltApp {
  app: FastifyInstance
  logs: LogLines
  /** `IMAGES_DIR` of this app. */
  images: string
}

/** The app, ready, with a new images folder; closed after the test. It does not read `process.env`. */
export async function buildApp(
  t: TestContext,
  environment: Environment = {},
  options: Partial<CreateAppOptions> = {},
): Promise<BuiltApp> {
  const images = environment.IMAGES_DIR ?? join(await temporaryFolder(t), 'images')
  const logs = new LogLines()
  let faults: string[] = []
  const app = await createApp({
    environment: { ...minimalEnvironment, IMAGES_DIR: images, ...environment },
    logDestination: logs,
    onCreated: (fastify) => ({ faults } = checkSchema(fastify)),
    ...options,
  })
  t.after(async () => {
    await app.close()
    t.assert.deepStrictEqual(faults, [], 'every message conforms to the schema of its revision')
  })
  await app.ready()
  return { app, logs, images }
}

/** The app on a socket; `url` has no trailing slash. */
export async function listen(
  t: TestContext,
  environment: Environment = {},
  options: Partial<CreateAppOptions> = {},
): Promise<BuiltApp & { url: string }> {
  const built = await buildApp(t, environment, options)
  return { ...built, url: await built.app.listen({ host: '127.0.0.1', port: 0 }) }
}
