import { execFileSync } from 'node:child_process'
import crypto from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { followKeyFile } from '../../../services/auth/api-key-file.ts'
import { findApiKey, isSameSecret, parseApiKeys } from '../../../services/auth/api-keys.ts'
import { readSecretFile } from '../../../services/config/environment.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

describe('API keys', () => {
  test('are parsed by comma and by line, with comments', (t: TestContext) => {
    const keys = parseApiKeys('# people\nalice:one, bob:two\r\n\n  carol : three:with:colons \n')
    t.assert.deepEqual(
      keys.map(({ name }) => name),
      ['alice', 'bob', 'carol'],
    )
    t.assert.equal(findApiKey(keys, 'two'), 'bob')
    t.assert.equal(findApiKey(keys, 'three:with:colons'), 'carol')
  })

  test('match only as a whole', (t: TestContext) => {
    const keys = parseApiKeys('alice:one-long-key')
    for (const presented of [
      '',
      'one-long-ke',
      'one-long-key ',
      'One-long-key',
      'alice:one-long-key',
      'x'.repeat(1e6),
    ]) {
      t.assert.equal(findApiKey(keys, presented), undefined)
    }
  })

  test('may be two for one name, so that one can replace the other', (t: TestContext) => {
    const keys = parseApiKeys('alice:old,alice:new')
    t.assert.equal(findApiKey(keys, 'old'), 'alice')
    t.assert.equal(findApiKey(keys, 'new'), 'alice')
  })

  test('are stored as digests only', (t: TestContext) => {
    const [key] = parseApiKeys('alice:secret-key')
    t.assert.equal(JSON.stringify(key).includes('secret-key'), false)
    t.assert.equal(key?.digest.length, 32)
  })

  for (const [what, text, problem] of [
    ['nothing', ' \n#only:this', /no entry/],
    ['no colon', 'alice', /entry 1 no name/],
    ['no name', ':key', /entry 1 no name/],
    ['a name with spaces', 'alice b:key', /entry 1 no name/],
    ['no key', 'alice:one,bob:', /entry 2 no key/],
    ['a key with a space', 'alice:o ne', /entry 1 no key/],
    ['one key for two names', 'alice:one,bob:one', /entry 2 the key of another name/],
  ] as const) {
    test(`are rejected with ${what}, without revealing the key`, (t: TestContext) => {
      t.assert.throws(() => parseApiKeys(text), problem)
    })
  }

  test('are compared in constant time', (t: TestContext) => {
    const keys = parseApiKeys('alice:one,bob:two,carol:three')
    const { mock } = t.mock.method(crypto, 'timingSafeEqual')
    syncBuiltinESMExports()
    t.after(() => {
      t.mock.restoreAll()
      syncBuiltinESMExports()
    })
    const compared = <T>(act: () => T) => {
      const before = mock.callCount()
      return [act(), mock.callCount() - before] as const
    }
    // Every key each time, whatever the position of the matching one.
    for (const [presented, name] of [
      ['one', 'alice'],
      ['three', 'carol'],
      ['', undefined],
      ['x'.repeat(10_000), undefined],
    ] as const) {
      t.assert.deepEqual(
        compared(() => findApiKey(keys, presented)),
        [name, 3],
      )
    }
    t.assert.deepEqual(
      compared(() => isSameSecret('token', 'token')),
      [true, 1],
    )
    t.assert.deepEqual(
      compared(() => isSameSecret('token', 'token-and-more')),
      [false, 1],
    )
  })

  test('follow their file, and stay valid while it is invalid', async (t: TestContext) => {
    const path = join(await temporaryFolder(t), 'keys')
    await writeFile(path, 'alice:one')
    const events: string[] = []
    const log = { ...silent, info: () => events.push('good'), error: () => events.push('bad') }
    const source = followKeyFile({ path, read: readSecretFile, keys: parseApiKeys('alice:one'), log, pollMs: 20 })
    t.after(() => source.close())

    async function change(text: string, event: string): Promise<void> {
      const seen = events.length
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
      await waitFor('the key file to be read again', () => events.length > seen)
      t.assert.equal(events.at(-1), event)
    }
    await change('bob:two2', 'good')
    t.assert.equal(findApiKey(source.keys, 'one'), undefined)
    t.assert.equal(findApiKey(source.keys, 'two2'), 'bob')
    await change('nonsense', 'bad')
    t.assert.equal(findApiKey(source.keys, 'two2'), 'bob')
  })

  for (const [what, put] of Object.entries({
    'a pipe': (path: string) => execFileSync('mkfifo', [path]),
    'more than a mebibyte': (path: string) => writeFile(path, `bob:${'x'.repeat(1_048_576)}`),
  })) {
    test(`stay valid while their file is replaced by ${what}, which is not read`, async (t: TestContext) => {
      const folder = await temporaryFolder(t)
      const path = join(folder, 'keys')
      await writeFile(path, 'alice:one')
      const failures: unknown[] = []
      const log = { ...silent, error: (details: unknown) => failures.push(Object(details).reason) }
      const source = followKeyFile({ path, read: readSecretFile, keys: parseApiKeys('alice:one'), log, pollMs: 20 })
      t.after(() => source.close())
      await put(join(folder, 'other'))
      await rename(join(folder, 'other'), path)
      await waitFor('the change to be noticed', () => failures.length > 0)
      t.assert.match(String(failures[0]), /is not a regular file|is larger than/)
      t.assert.equal(findApiKey(source.keys, 'one'), 'alice')
    })
  }
})
