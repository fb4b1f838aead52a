import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { SimulatorOptions } from '../../../simulator/app.ts'
import { type Postgres, startPostgres } from '../postgres.ts'
import { type Process, startProcess } from '../process.ts'
import { type RestartableRedis, startRestartableRedis } from '../restartable-redis.ts'
import { callTool, type ToolOutput } from '../service.ts'
import { key, startSimulator } from '../simulator.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'

const script = join(import.meta.dirname, 'eager-replica.ts')

/** The databases that replicas share. */
export interface Neighbours extends AsyncDisposable {
  postgres: Postgres
  redis: RestartableRedis
  /** The variables of a new set of replicas, with nothing in their databases. */
  environment(): Promise<Record<string, string>>
}

/** @param redisOptions of `redis-server` */
export async function startNeighbours(...redisOptions: string[]): Promise<Neighbours> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRestartableRedis(...redisOptions)])
  let sets = 0
  return {
    postgres,
    redis,
    environment: async () => ({
      REDIS_URL: `${redis.url}/${sets++}`,
      DATABASE_URL: await postgres.createDatabase(),
      IMAGES_SHARED: 'true',
      SERVER_SECRET: 's'.repeat(32),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()])
    },
  }
}

/** Starts replicas that share everything, with a simulator that counts what they send. */
export async function prepareReplicas(
  t: TestContext,
  neighbours: Neighbours,
  environment: Record<string, string> = {},
  simulation: SimulatorOptions = {},
) {
  const { simulator, url: azure } = await startSimulator(t, simulation)
  const shared = {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    IMAGES_DIR: await temporaryFolder(t),
    RATE_LIMIT_PER_MINUTE: '0',
    ...(await neighbours.environment()),
    ...environment,
  }
  return {
    simulator,
    environment: shared,
    /** A replica that can run jobs. */
    async start(more: Record<string, string> = {}, nodeOptions: readonly string[] = []): Promise<Process> {
      const replica = await startProcess(t, { ...shared, ...more }, nodeOptions, { script })
      await waitFor('the queue', async () => (await readiness(replica)).jobs === 'shared', {
        explain: () => replica.log,
      })
      return replica
    },
    /** Requests with such a prompt that Azure has accepted, those that it still works on included. */
    sent: (prompt: string) =>
      simulator.requests.filter(({ fields, status }) => fields.prompt === prompt && (status ?? 200) === 200).length,
  }
}

export async function readiness({ url }: Pick<Process, 'url'>): Promise<Record<string, unknown>> {
  return Object(await (await fetch(`${url}/ready`)).json())
}

/** Submits a job, again where none is accepted because Redis is slow on a busy machine. @returns its id */
export async function submitJob(
  { url }: Pick<Process, 'url'>,
  prompt: string,
  headers: Record<string, string> = {},
): Promise<string> {
  return await waitFor('a job', async () => {
    const { text } = await callTool(url, 'generate_image', { prompt, size: '256x256', job: true }, headers)
    const id = /Job id: (job_[0-9a-f]{32});/.exec(text)?.[1]
    if (id === undefined) throw new Error(`no job: ${text}`)
    return id
  })
}

export const getJob = (
  { url }: Pick<Process, 'url'>,
  job_id: string,
  wait_ms = 0,
  headers: Record<string, string> = {},
): Promise<ToolOutput> => callTool(url, 'get_job', { job_id, wait_ms }, headers)

/** The result of a job, once it has one. */
export async function resultOf(
  replica: Process,
  id: string,
  headers: Record<string, string> = {},
): Promise<ToolOutput> {
  return await waitFor(
    'the end of the job',
    async () => {
      const output = await getJob(replica, id, 5_000, headers)
      return output.images.length > 0 || output.isError ? output : undefined
    },
    { limitMs: 180_000, explain: () => replica.log },
  )
}
