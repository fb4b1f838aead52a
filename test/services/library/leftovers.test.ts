import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DirectoryHandle } from '../../../services/library/local/directory-handle.ts'
import { createLeftovers } from '../../../services/library/local/leftovers.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

test('a temporary file that cannot be removed is removed once it can', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const leftovers = createLeftovers()
  const directory = await DirectoryHandle.open(folder)
  // A folder cannot be unlinked, whoever tries it.
  for (const name of ['a.tmp', 'b.tmp']) await mkdir(join(folder, name))
  for (const name of ['a.tmp', 'b.tmp', 'missing.tmp']) await leftovers.remove(directory, name)
  await directory.close()
  for (const name of ['a.tmp', 'b.tmp']) {
    await rmdir(join(folder, name))
    await writeFile(join(folder, name), '')
  }
  await waitFor('the removal', async () => (await readdir(folder)).length === 0)
})
