import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImageStore } from '../image-store.ts'
import { createLocalImageStore } from './local-image-store.ts'

/** A store in a new folder of the system's temporary folder, which only this user can open. */
export async function openTemporaryStore(): Promise<ImageStore> {
  return createLocalImageStore({ folder: await mkdtemp(join(tmpdir(), 'azure-image-editor-')) })
}
