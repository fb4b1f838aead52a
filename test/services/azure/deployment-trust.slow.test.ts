import { execFile } from 'node:child_process'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type DeploymentSettings, readDeployments } from '../../../services/azure/deployment-list.ts'
import { fileOf } from '../../support/fake-azure.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const home = 'https://mine.services.ai.azure.com'
const withKey: DeploymentSettings = { AZURE_BASE_URL: home, AZURE_API_KEY: 'my-key' }
const withIdentity: DeploymentSettings = { AZURE_BASE_URL: home, AZURE_AUTH: 'entra' }

/** What is wrong with a file of that one entry. */
async function problemsOf(t: TestContext, settings: DeploymentSettings, entry: object): Promise<string[]> {
  const file = await fileOf(t, { deployments: [{ name: 'd', ...entry }] })
  return readDeployments({ ...settings, AZURE_DEPLOYMENTS_FILE: file }).problems.map(({ problem }) => problem)
}

describe('the credential of the environment', () => {
  const rows: readonly [string, DeploymentSettings, object, RegExp | undefined][] = [
    ['goes to AZURE_BASE_URL', withKey, {}, undefined],
    ['goes to the same host under another path', withKey, { base_url: `${home}/gateway/` }, undefined],
    [
      'goes to the same host in other letters',
      withKey,
      { base_url: 'https://MINE.services.ai.azure.com:443' },
      undefined,
    ],
    ['goes to no other host', withKey, { base_url: 'https://evil.example' }, /of its own.*another host/],
    ['goes to no other resource', withKey, { base_url: 'https://evil.services.ai.azure.com' }, /of its own/],
    ['goes to no longer name', withKey, { base_url: `${home}.evil.example` }, /of its own/],
    ['goes to no other port', withKey, { base_url: `${home}:8443` }, /of its own/],
    ['goes nowhere by another scheme', withKey, { base_url: home.replace('https', 'http') }, /of its own/],
    ['goes to no other port of this machine', withKey, { base_url: 'http://127.0.0.1:9' }, /of its own/],
    ['goes nowhere for auth "key"', withKey, { base_url: 'https://evil.example', auth: 'key' }, /of its own/],
    ['goes nowhere while AZURE_BASE_URL is not set', { AZURE_API_KEY: 'k' }, { base_url: home }, /not set/],
    ['goes nowhere as a token either', withIdentity, { base_url: 'https://evil.services.ai.azure.com' }, /of its own/],
    ['goes as a token to AZURE_BASE_URL', withIdentity, {}, undefined],
    ['is not needed beside a key', withKey, { base_url: 'https://other.example', key: 'k' }, undefined],
    ['is not replaced by what is not a key', withKey, { key: '“k”' }, /the key of "d" is not a key/],
    ['is not replaced by a blank', withKey, { key: ' ' }, /the key of "d" is not a key/],
  ]
  for (const [what, settings, entry, problem] of rows) {
    test(what, async (t: TestContext) => {
      const problems = await problemsOf(t, settings, entry)
      t.assert.equal(problems.length, problem === undefined ? 0 : 1, problems.join('\n'))
      if (problem !== undefined) t.assert.match(problems[0] ?? '', problem)
    })
  }
})

describe('tokens that an entry asks for', () => {
  const allowed = [
    'https://other.openai.azure.com',
    'https://other.services.ai.azure.com/path',
    'https://other.cognitiveservices.azure.com',
    'https://eastus.api.cognitive.microsoft.com',
    'https://other.openai.azure.us',
    'https://other.cognitiveservices.azure.cn',
    'http://127.0.0.1:8010',
    'http://localhost:8010',
    'http://[::1]:8010',
    home,
  ]
  const rejected = [
    'https://evil.example',
    'http://other.openai.azure.com',
    'https://openai.azure.com.evil.example',
    'https://evilopenai.azure.com',
    'https://vm.eastus.cloudapp.azure.com',
    'https://evil.azure-api.net',
    'https://evil.azurewebsites.net',
    'https://evil.z6.web.core.windows.net',
    'http://192.168.1.2',
    'https://other.openai.azure.com.',
  ]
  for (const base_url of [...allowed, ...rejected]) {
    const isAllowed = allowed.includes(base_url)
    test(`${isAllowed ? 'go' : 'do not go'} to ${base_url}`, async (t: TestContext) => {
      for (const settings of [withKey, withIdentity, {}]) {
        const problems = await problemsOf(t, settings, { base_url, auth: 'entra' })
        t.assert.equal(problems.length, isAllowed ? 0 : 1, problems.join('\n'))
      }
    })
  }

  test('go to a gateway of the operator, which is AZURE_BASE_URL', async (t: TestContext) => {
    const settings = { AZURE_BASE_URL: 'https://gateway.example', AZURE_API_KEY: 'k' }
    t.assert.deepEqual(await problemsOf(t, settings, { auth: 'entra' }), [])
    t.assert.deepEqual(await problemsOf(t, settings, { auth: 'entra', base_url: 'https://gateway.example/a' }), [])
  })

  const scopes: readonly [string, boolean][] = [
    ['https://cognitiveservices.azure.com/.default', true],
    ['https://ai.azure.com/.default', true],
    ['https://cognitiveservices.azure.us/.default', true],
    ['https://ai.azure.us/.default', true],
    ['https://cognitiveservices.azure.cn/.default', true],
    ['https://management.azure.com/.default', false],
    ['https://management.core.windows.net//.default', false],
    ['https://graph.microsoft.com/.default', false],
    ['https://storage.azure.com/.default', false],
    ['https://vault.azure.net/.default', false],
    ['https://ai.azure.com.evil.example/.default', false],
    ['https://ai.azure.com/.default https://graph.microsoft.com/.default', false],
  ]
  for (const [scope, isAllowed] of scopes) {
    test(`are${isAllowed ? '' : ' not'} for ${scope}`, async (t: TestContext) => {
      const problems = await problemsOf(t, withKey, { auth: 'entra', scope })
      t.assert.equal(problems.length, isAllowed ? 0 : 1)
      if (!isAllowed)
        t.assert.match(problems[0] ?? '', /^d: scope must be one of https:\/\/cognitiveservices\.azure\.com/)
    })
  }
})

describe('key_file', () => {
  /** A folder with a deployments file, and a sibling folder with a secret. */
  async function folders(t: TestContext) {
    const root = await temporaryFolder(t)
    const own = join(root, 'own')
    const secret = join(root, 'ssh', 'id')
    await mkdir(own)
    await mkdir(dirname(secret))
    await writeFile(secret, 'somebody-elses-secret\n')
    const read = async (keyFile: string) => {
      const file = join(own, 'd.json')
      await writeFile(file, JSON.stringify({ deployments: [{ name: 'd', key_file: keyFile }] }))
      return readDeployments({ ...withKey, AZURE_DEPLOYMENTS_FILE: file })
    }
    const problems = async (keyFile: string) => (await read(keyFile)).problems.map(({ problem }) => problem).join()
    return { own, secret, read, problems }
  }

  test('is read below the folder of the deployments file, where relative paths begin', async (t: TestContext) => {
    const { own, read } = await folders(t)
    await mkdir(join(own, 'keys'))
    await writeFile(join(own, 'keys', 'one'), 'the-key\n')
    for (const path of ['keys/one', './keys/one', join(own, 'keys', 'one')]) {
      const { deployments } = await read(path)
      t.assert.deepEqual(await deployments[0]?.credential.headers(''), { 'api-key': 'the-key' })
    }
  })

  test('is not read elsewhere by any path or link', async (t: TestContext) => {
    const { own, secret, problems } = await folders(t)
    await symlink(secret, join(own, 'link'))
    await symlink(dirname(secret), join(own, 'folder'))
    await symlink('link', join(own, 'chain'))
    for (const path of [secret, '../ssh/id', 'link', 'folder/id', 'chain', '/etc/hostname', own, `${own}/../ssh/id`]) {
      const problem = await problems(path)
      t.assert.match(problem, /must be below the folder of the deployments file|cannot be read/, path)
      t.assert.doesNotMatch(problem, /somebody/)
    }
  })

  test('may be a mounted secret of Kubernetes, whose links stay in the folder, also after it was rotated', async (t: TestContext) => {
    const { own, read } = await folders(t)
    const mount = async (version: string, key: string) => {
      await mkdir(join(own, `..${version}`))
      await writeFile(join(own, `..${version}`, 'key'), key)
      await symlink(`..${version}`, join(own, '..new'))
      await rename(join(own, '..new'), join(own, '..data'))
    }
    await mount('2026_01', 'first')
    await symlink('..data/key', join(own, 'key'))
    const { deployments, problems } = await read('key')
    t.assert.deepEqual(problems, [])
    t.assert.deepEqual(await deployments[0]?.credential.headers(''), { 'api-key': 'first' })
    await mount('2026_02', 'second')
    t.assert.deepEqual(await deployments[0]?.credential.headers(''), { 'api-key': 'second' })
  })

  test('that becomes a link to elsewhere while the service runs is not followed', async (t: TestContext) => {
    const { own, secret, read } = await folders(t)
    await writeFile(join(own, 'key'), 'the-key')
    const { deployments } = await read('key')
    await rm(join(own, 'key'))
    await symlink(secret, join(own, 'key'))
    t.assert.deepEqual(await deployments[0]?.credential.headers(''), { 'api-key': 'the-key' })
  })

  test('that becomes a pipe or another file while the service runs is not read', async (t: TestContext) => {
    const { own, read } = await folders(t)
    const path = join(own, 'key')
    await writeFile(path, 'the-key')
    const { deployments } = await read('key')
    for (const change of [
      () => writeFile(path, '-----BEGIN KEY-----\nAAAA\n'),
      () => writeFile(path, 'x'.repeat(100_000)),
      () => rm(path).then(() => promisify(execFile)('mkfifo', [path])),
    ]) {
      await change()
      t.assert.deepEqual(await deployments[0]?.credential.headers(''), { 'api-key': 'the-key' })
    }
  })

  test('is found through a link of the system under permission flags that name the folder by both its paths', async (t: TestContext) => {
    const root = await temporaryFolder(t)
    await mkdir(join(root, 'run', 'secrets'), { recursive: true })
    await symlink('run', join(root, 'var'))
    const [real, linked] = [join(root, 'run', 'secrets'), join(root, 'var', 'secrets')]
    await writeFile(join(real, 'key'), 'the-key\n')
    const house = join(import.meta.dirname, '../../..')
    const readable = [house, `${real}/*`, `${linked}/*`].map((path) => `--allow-fs-read=${path}`)
    const server = join(house, 'server.ts')
    for (const file of [join(real, 'd.json'), join(linked, 'd.json')]) {
      const keys = ['key', join(real, 'key'), join(linked, 'key')]
      const deployments = keys.map((key_file, at) => ({
        name: `gpt-image-2.${at}`,
        base_url: 'https://x.test',
        key_file,
      }))
      await writeFile(file, JSON.stringify({ deployments }))
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--permission', ...readable, '--allow-net', '--allow-addons', server, '--check'],
        { cwd: root, env: { AZURE_DEPLOYMENTS_FILE: file } },
      )
      t.assert.match(stdout, /^deployment gpt-image-2\.2: /m)
    }
  })

  const contents: readonly [string, string, RegExp][] = [
    ['is empty', ' \n', /is empty/],
    ['has several lines, as a private key does', '-----BEGIN KEY-----\nAAAA\n', /one line/],
    ['is far too large', 'x'.repeat(100_000), /larger than 65536 bytes/],
  ]
  for (const [what, content, problem] of contents) {
    test(`that ${what} is a problem`, async (t: TestContext) => {
      const { own, problems } = await folders(t)
      await writeFile(join(own, 'key'), content)
      t.assert.match(await problems('key'), problem)
    })
  }

  test('must be a regular file', async (t: TestContext) => {
    const { own, problems } = await folders(t)
    await mkdir(join(own, 'key'))
    t.assert.match(await problems('key'), /is a folder/)
  })
})

test('all mistakes of a file are reported at once, each with the name of its entry', async (t: TestContext) => {
  const deployments = [
    { name: 'a', base_url: 'https://evil.example', colour: 'red' },
    { name: 'b', base_url: 'https://evil.example' },
    { name: 'c', base_url: 'https://evil.example', auth: 'entra', scope: 'https://graph.microsoft.com/.default' },
    { name: 'd', base_url: 'https://evil.example', auth: 'entra' },
    { name: 'e', key_file: '/etc/hostname' },
    { name: 'f', base_url: 'https://[', key: 'k' },
    { name: 'g', dialect: 'odd', rpm: 0, key: 'k', fallbacks: ['z'] },
    { name: 'h', key: 'k', fallbacks: ['z', 'g'] },
  ]
  const path = await fileOf(t, { deployments })
  const problems = readDeployments({ ...withKey, AZURE_DEPLOYMENTS_FILE: path }).problems.map(({ problem }) => problem)
  t.assert.doesNotMatch(problems.join('\n'), /unknown "g"/)
  for (const expected of [
    /^a: colour is unknown; known are name, base_url, /,
    /^"a" needs a key/,
    /^"b" needs a key/,
    /^c: scope must be one of/,
    /^"d" asks for tokens/,
    /^the key_file of "e" (must be below|cannot be read)/,
    /^the base_url of "f" is not a URL/,
    /^g: dialect must be "auto", or one of deployments, v1, bfl, mai$/,
    /^g: rpm must be a whole number from 1 to 100000$/,
    /^"g" falls back to the unknown "z"/,
    /^"h" falls back to the unknown "z"/,
  ]) {
    t.assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected}\n${problems.join('\n')}`,
    )
  }
})

test('a key that is invalid in a header is a problem of its variable', (t: TestContext) => {
  for (const [key, isGood] of [
    ['“k”', false],
    ['密钥', false],
    ['a\nb', false],
    ['a\u0000b', false],
    ['0aZ-_=+/. !', true],
  ] as const) {
    const { problems } = readDeployments({ ...withKey, AZURE_API_KEY: key, AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
    t.assert.deepEqual(
      problems.map(({ variable }) => variable),
      isGood ? [] : ['AZURE_API_KEY'],
    )
    t.assert.doesNotMatch(JSON.stringify(problems), /“k”|密钥/)
  }
})

test('a deployment that is reached over http beyond this machine is a warning', async (t: TestContext) => {
  const warningsOf = (AZURE_BASE_URL: string) =>
    readDeployments({ AZURE_BASE_URL, AZURE_API_KEY: 'k', AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }).warnings
  t.assert.match(warningsOf('http://gateway.example').join(), /over http/)
  for (const url of [home, 'http://127.0.0.1:9', 'http://localhost:9']) t.assert.deepEqual(warningsOf(url), [])
})
