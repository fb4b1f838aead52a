import { basename } from 'node:path'
import { baseOf, createResultClaims } from './result-claims.ts'
import { partsOfFile, type ResultContent, type ResultParts } from './result-content.ts'
import { findResults, namePrefix, openImages, type ResultFile } from './result-file.ts'
import type { ShelvedResult } from './result-shelf.ts'
import { createStoredResult, type ResultIdentity, type ResultStoreOptions, type StoredResult } from './stored-result.ts'

/** A result of another replica. */
export interface Shelved {
  id: string
  result: ShelvedResult
}

export interface LoadedResult {
  result: StoredResult
  file: ResultFile
}

export interface ResultStore {
  create(identity: ResultIdentity, content: Promise<ResultContent | undefined>): StoredResult
  /** What an earlier process stored, without holders. */
  load(): Promise<LoadedResult[]>
  /** Files that other processes stored for the same call since, and that no one has claimed. */
  find(identity: ResultIdentity): Promise<ResultFile[]>
  /** What other replicas without this folder stored for the same call. */
  findShelved(identity: ResultIdentity): Promise<Shelved[]>
  /** The result of another replica, without holders. */
  adoptShelved(identity: ResultIdentity, shelved: Shelved): StoredResult
  /** The content of a file that was found, as `read`. */
  open(file: ResultFile): Promise<ResultParts | undefined>
  /** The result of a file that was found, without holders. */
  adopt(file: ResultFile): StoredResult
  /** Waits until nothing is being written or removed. */
  idle(): Promise<void>
}

export function createResultStore(options: ResultStoreOptions): ResultStore {
  const { folder, shared, log, now } = options
  const working = new Set<Promise<unknown>>()
  const claims = createResultClaims(folder)
  const known = new Set<string>()
  const shelved = new Set<string>()

  function track(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((err) => log.error({ err }, 'storing or removing a result failed'))
      .finally(() => working.delete(tracked))
    working.add(tracked)
    return tracked
  }

  const parts = { ...options, claims, known, shelved, track }

  /** @param file of which this process has no result */
  function adopt(file: ResultFile): StoredResult {
    known.add(baseOf(file.path))
    const { owner, share = owner, fingerprint } = file.header
    const content = Promise.resolve({ ...partsOfFile(file), images: [], file })
    return createStoredResult(
      parts,
      { owner, share, fingerprint: () => fingerprint },
      content,
      basename(baseOf(file.path)),
    )
  }

  return {
    create: (identity, content) => createStoredResult(parts, identity, content),
    async load() {
      const loaded = (await findResults(folder, now())).map((file) => ({ result: adopt(file), file }))
      await Promise.all(loaded.map(({ result }) => result.content))
      return loaded
    },
    async find(identity) {
      const prefix = () => namePrefix({ owner: identity.owner, fingerprint: identity.fingerprint() })
      return await claims.find(prefix, (path) => known.has(baseOf(path)))
    },
    async findShelved({ owner, fingerprint }) {
      const all = (await shared?.shelf.find(owner)) ?? []
      return all.filter(({ id, result }) => !shelved.has(id) && result.fingerprint === fingerprint())
    },
    adoptShelved({ owner, share, fingerprint }, { id, result: { stored, jobId } }) {
      shelved.add(id)
      const { text, notes } = stored
      const content = Promise.resolve({ text, notes, links: [], jobId, images: [], file: undefined, stored })
      return createStoredResult(parts, { owner, share, fingerprint }, content, id, false)
    },
    async open(file) {
      const images = await openImages(file)
      return images && { ...partsOfFile(file), images }
    },
    adopt,
    async idle() {
      while (working.size > 0) await Promise.all(working)
    },
  }
}
