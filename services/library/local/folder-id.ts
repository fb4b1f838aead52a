import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LIBRARY_FOLDER } from '../image-store.ts'

/** Tells a folder of images from all others, also after it was moved or mounted elsewhere; all processes on it read the same. */
export async function folderIdOf(folder: string): Promise<string> {
  const path = join(folder, LIBRARY_FOLDER, 'folder-id')
  await mkdir(join(folder, LIBRARY_FOLDER), { recursive: true })
  // Only the first process writes it.
  await writeFile(path, randomUUID(), { flag: 'wx' }).catch(() => {})
  return await readFile(path, 'utf8')
}
