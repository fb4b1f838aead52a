import { type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { startProcess } from '../support/process.ts'
import { startStorageProxy } from '../support/storage-proxy.ts'
import { expectFault } from '../support/system/faults.ts'
import { mountedFolder } from '../support/system/mounted-folder.ts'
import { startPrometheus } from '../support/system/prometheus.ts'
import { readiness, startNeighbours } from '../support/system/replicas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Faults of what the service stores in, as docs/faults.md describes them. */

test('each fault of Redis, Postgres, Blob and the disk has one name, and ends with its cause', async (t: TestContext) => {
  await using neighbours = await startNeighbours()
  const { redis, postgres } = neighbours
  await using azurite = await startAzurite()
  const storage = await startStorageProxy(t, azurite.url)
  const replica = await startProcess(t, {
    ...(await neighbours.environment()),
    AZURE_STORAGE_URL: storage.urlOf(await azurite.createContainer('images')),
    AZURE_STORAGE_KEY: AZURITE_KEY,
  })
  const disk = await mountedFolder(t, '64m')
  // A database that is open for writing would keep the disk from becoming read-only.
  const variables = { IMAGES_DIR: disk.path, STATE_DIR: await temporaryFolder(t), TMPDIR: await temporaryFolder(t) }
  const single = await startProcess(t, variables, [], { within: disk.within })
  const prometheus = await startPrometheus(t, [replica.url, single.url], { hasAlerts: true })

  const isWell = (service: typeof replica) =>
    waitFor('no fault', async () => JSON.stringify((await readiness(service)).faults) === '[]', {
      explain: () => service.log,
    })
  await Promise.all([isWell(replica), isWell(single)])

  async function breakNeighbours(): Promise<void> {
    const seen = { service: replica, prometheus }
    await redis.run('config', 'set', 'maxmemory', '1')
    storage.fault = () => ({ status: 403, code: 'AuthorizationPermissionMismatch' })
    await Promise.all([expectFault('redis full', seen), expectFault('storage denied', seen)])
    await redis.crash()
    await postgres.crash()
    storage.fault = () => ({ status: 503, code: 'ServerBusy' })
    await Promise.all([
      expectFault('redis lost', seen),
      expectFault('postgres lost', seen),
      expectFault('storage unavailable', seen),
    ])
    storage.fault = () => undefined
    await Promise.all([redis.start(), postgres.start()])
    await isWell(replica)
  }

  async function breakDisk(): Promise<void> {
    const seen = { service: single, prometheus }
    await waitFor('the disk to become read-only', () => disk.remount('ro').then(() => true))
    await expectFault('folder unwritable', seen)
    // No room for a large image.
    await disk.remount('rw,size=3m')
    await expectFault('disk full', seen)
    await disk.remount('size=64m')
    await isWell(single)
  }

  await Promise.all([breakNeighbours(), breakDisk()])
  await waitFor('no alert', async () => (await prometheus.firing()).length === 0)
})
