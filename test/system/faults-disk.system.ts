import { readdir, readFile, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Process } from '../support/process.ts'
import {
  CALLS,
  checkResponses,
  everyoneGotAnImage,
  isNotSaved,
  isSaved,
  lookAt,
  serves,
  startCalls,
  startWorld,
  temporaryFiles,
} from '../support/system/calls.ts'
import { mountedFolder } from '../support/system/mounted-folder.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Faults of the images folder and of its writer during 200 calls. */

const stateOfImages = async (url: string) => Object(await (await fetch(`${url}/ready`)).json()).images

/**
 * Kills the service while it writes: stops it repeatedly until there is an unfinished file.
 *
 * @param known files from before
 */
async function killWhileWriting(
  { child, ended }: Process,
  images: string,
  known: readonly string[],
): Promise<string[]> {
  for (;;) {
    child.kill('SIGSTOP')
    await waitFor('the process to stop', () => isStopped(child.pid))
    const temporary = (await temporaryFiles(images)).filter((name) => !known.includes(name))
    child.kill(temporary.length > 0 ? 'SIGKILL' : 'SIGCONT')
    if (temporary.length > 0) {
      await ended
      return temporary
    }
    await pause(5)
  }
}

/** Threads stop one by one, each when it returns from its system call. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const states = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/status`, 'utf8')))
  return states.every((state) => /^State:\s+T/m.test(state))
}

test('a kill during writes loses no saved image, leaves no torn file, and its temporary files are removed', async (t: TestContext) => {
  const images = await temporaryFolder(t)
  const world = await startWorld(t, { IMAGES_DIR: images })
  async function killed(name: string, service: Process, known: readonly string[]): Promise<string[]> {
    const calls = startCalls(service.url, CALLS, { name })
    await waitFor('saved images', () => calls.count(isSaved) >= 10)
    const left = await killWhileWriting(service, images, known)
    await checkResponses(t, `kill -9, ${name}`, await calls.ended)
    return left
  }
  const old = await killed('once', await world.start(), [])
  const young = await killed('twice', await world.start(), old)
  const twoHoursAgo = Date.now() / 1000 - 7_200
  for (const name of old) await utimes(join(images, name), twoHoursAgo, twoHoursAgo)
  const service = await world.start()
  const { torn, temporary, whole } = await lookAt(images)
  t.diagnostic(`${whole.length} whole files, ${torn.length} torn, ${old.length} old temporary files removed`)
  t.assert.deepEqual(torn, [])
  // Replicas share the folder, so a recent file may be another's.
  t.assert.deepEqual(temporary, young)
  await serves(t, service.url)
})

test('a full disk loses no image', async (t: TestContext) => {
  const { path, within, placeOf, remount } = await mountedFolder(t, '2m')
  const placesOf = (file: string) => [placeOf(file)]
  // Responses above the memory limit are buffered on the same disk.
  const variables = { IMAGES_DIR: path, TMPDIR: path, MAX_BUFFERED_BYTES: '1000000' }
  const world = await startWorld(t, variables, { within })
  const { url } = await world.start()
  // Their images are saved before the buffered responses of the many take the disk.
  const few = await startCalls(url, 10, { name: 'few' }).ended
  const outcomes = [...few, ...(await startCalls(url, CALLS, { name: 'many' }).ended)]
  await checkResponses(t, 'disk full', outcomes, placesOf)
  everyoneGotAnImage(t, outcomes, world.made())
  t.assert.ok(outcomes.some(isSaved) && outcomes.some(isNotSaved))
  for (const { text } of outcomes.filter(isNotSaved))
    t.assert.match(text, /the disk of the server's images folder is full/)
  const { torn, temporary } = await lookAt(placeOf(path))
  t.assert.deepEqual({ torn, temporary }, { torn: [], temporary: [] })
  await remount('size=64m')
  await serves(t, url, placesOf)
})

test('a read-only images folder loses no image, and is used again once it is writable', async (t: TestContext) => {
  const { path, within, placeOf, remount } = await mountedFolder(t, '64m')
  const placesOf = (file: string) => [placeOf(file)]
  // A database that is open for writing would keep the disk from becoming read-only.
  const world = await startWorld(t, { IMAGES_DIR: path, STATE_DIR: await temporaryFolder(t) }, { within })
  const { url } = await world.start()
  const calls = startCalls(url, CALLS)
  await waitFor('saved images', () => calls.count(isSaved) >= 10)
  // The kernel fails while a file is open for writing.
  await waitFor('the disk to become read-only', () => remount('ro').then(() => true))
  await waitFor('images that cannot be saved', () => calls.count(isNotSaved) >= 10)
  const before = calls.count(isSaved)
  await remount('rw')
  await checkResponses(t, 'read-only', await calls.ended, placesOf)
  everyoneGotAnImage(t, calls.outcomes, world.made())
  t.assert.ok(calls.count(isSaved) > before)
  for (const { text } of calls.outcomes.filter(isNotSaved))
    t.assert.match(text, /the server's images folder is not writable/)
  t.assert.deepEqual((await lookAt(placeOf(path))).torn, [])
  // A file that could not be removed while the disk was read-only is removed a moment later.
  await waitFor('the removal of temporary files', async () => (await temporaryFiles(placeOf(path))).length === 0)
  // Readiness checks the disk only from time to time.
  for (const [mode, state] of [
    ['ro', 'unwritable'],
    ['rw', 'writable'],
  ] as const) {
    await waitFor(`the remount as ${mode}`, () => remount(mode).then(() => true))
    await waitFor(`images to be ${state}`, async () => (await stateOfImages(url)) === state)
  }
  await serves(t, url, placesOf)
})

test('a removed images folder is created again, and every saved image is in one of the folders', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const images = join(folder, 'images')
  const away = ['away-1', 'away-2'].map((name) => join(folder, name))
  const placesOf = (file: string) => [images, ...away].map((place) => file.replace(images, place))
  const world = await startWorld(t, { IMAGES_DIR: images })
  const { url } = await world.start()
  const calls = startCalls(url, CALLS)
  for (const place of away) {
    await waitFor('saved images', async () => (await readdir(images)).length >= 10)
    await rename(images, place)
  }
  await checkResponses(t, 'folder gone twice', await calls.ended, placesOf)
  everyoneGotAnImage(t, calls.outcomes, world.made())
  for (const place of [images, ...away]) {
    const { whole, torn } = await lookAt(place)
    t.assert.deepEqual(torn, [])
    t.assert.notEqual(whole.length, 0)
  }
  // The service may still be storing a result there whose delivery was not proven.
  await rm(images, { recursive: true, maxRetries: 10, retryDelay: 50 })
  await serves(t, url, placesOf)
})
