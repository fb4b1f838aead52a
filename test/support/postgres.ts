import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { freePorts } from './free-ports.ts'
import { waitFor } from './wait-for.ts'

export interface Postgres extends AsyncDisposable {
  /** Creates an empty database. Returns its URL. */
  createDatabase(): Promise<string>
  /** Ends it as a crash does, without an orderly shutdown. */
  crash(): Promise<void>
  /** Starts it again, with the same data and address. */
  start(): Promise<void>
}

/** A real Postgres from Debian's package, on loopback, with a data folder of its own. */
export async function startPostgres(): Promise<Postgres> {
  const bin = await binFolder()
  const data = await mkdtemp(path.join(tmpdir(), 'azure-image-editor-postgres-'))
  // Postgres refuses to run as root; Debian's package creates this user.
  const user = process.getuid?.() === 0 ? idsOf('postgres') : undefined
  if (user !== undefined) await chown(data, user.uid, user.gid)
  const init = spawnSync(
    path.join(bin, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'test', '--no-sync', '-E', 'UTF8', '--locale=C'],
    user,
  )
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr.toString()}`)
  const [port] = await freePorts(1)
  const options = [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
    '-c',
    'fsync=off',
  ]
  let server = spawn(path.join(bin, 'postgres'), options, { ...user, stdio: 'ignore' })
  const urlOf = (database: string) => `postgres://test@127.0.0.1:${port}/${database}`
  const run = async (sql: string) => {
    const client = new Client({ connectionString: urlOf('postgres') })
    try {
      await client.connect()
      await client.query(sql)
    } finally {
      await client.end().catch(() => {})
    }
  }
  const isReady = () =>
    waitFor('Postgres', async () => {
      await run('SELECT 1')
      return true
    })
  async function crash(): Promise<void> {
    const exited = once(server, 'exit')
    server.kill('SIGQUIT')
    if (server.exitCode === null && server.signalCode === null) await exited
  }
  await isReady()
  let databases = 0
  return {
    async createDatabase() {
      const name = `test_${++databases}`
      await run(`CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    crash,
    async start() {
      server = spawn(path.join(bin, 'postgres'), options, { ...user, stdio: 'ignore' })
      await isReady()
    },
    async [Symbol.asyncDispose]() {
      await crash()
      await rm(data, { recursive: true, force: true })
    },
  }
}

async function binFolder(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined) throw new Error('Postgres is not installed: run scripts/install-test-packages.sh')
  return `/usr/lib/postgresql/${newest}/bin`
}

function idsOf(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(spawnSync('id', [flag, name]).stdout.toString())
  return { uid: id('-u'), gid: id('-g') }
}
