import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { minimalEnvironment } from '../support/app.ts'
import { entryPointArguments, flagsFor } from '../support/container-flags.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { waitFor } from '../support/wait-for.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const bin = join(root, 'bin/azure-image-editor-mcp.js')

/** Outside /tmp, which is always allowed. */
async function outsideFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp('/var/tmp/azure-image-editor-test-')
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** A folder of files as a ConfigMap or Secret has them: links through `..data`, which is replaced at once. */
async function mountAsKubernetes(parent: string, name: string, files: Record<string, string>) {
  const path = join(parent, name)
  let version = 0
  async function replace(changed: Record<string, string>): Promise<void> {
    version++
    const own = `..2026_11_27_${version}`
    await mkdir(join(path, own), { recursive: true })
    for (const [file, text] of Object.entries(changed)) await writeFile(join(path, own, file), text)
    await symlink(own, join(path, '..data_tmp'))
    await rename(join(path, '..data_tmp'), join(path, '..data'))
    // As the kubelet does.
    if (version > 1) await rm(join(path, `..2026_11_27_${version - 1}`), { recursive: true })
  }
  await replace(files)
  for (const file of Object.keys(files)) await symlink(join('..data', file), join(path, file))
  return { path, replace }
}

const allowed = (variables: Record<string, string>, kind: 'read' | 'write') =>
  entryPointArguments(variables).flatMap((argument) => argument.split(`--allow-fs-${kind}=`).slice(1))

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

describe("the image's entry point", () => {
  test('passes its arguments on after the permission flags, unchanged', (t: TestContext) => {
    const args = entryPointArguments({}, ['--check', '--env-file', 'a b'])
    t.assert.deepEqual(args.slice(-4), ['dist/server.js', '--check', '--env-file', 'a b'])
    t.assert.ok(args.indexOf('--permission') < args.indexOf('dist/server.js'))
  })

  test('allows reading code and secrets, and writing nothing but temporary files, by default', (t: TestContext) => {
    const elsewhere = { IMAGES_DIR: '/data' }
    t.assert.deepEqual(allowed(elsewhere, 'write'), ['/data/*', '/tmp/*'])
    const readable = new Set(allowed({}, 'read'))
    for (const path of ['/app/*', '/run/secrets/*', '/tmp/*']) t.assert.ok(readable.has(path), path)
  })

  for (const [written, folder] of [
    ['/data', '/data'],
    [' "/data" ', '/data'],
    ["'/da ta'", '/da ta'],
    ['\'/"data"\'', '/"data"'],
    ['/data/$(id)`id`*', '/data/$(id)`id`*'],
  ] as const) {
    test(`reads IMAGES_DIR=${written} as the service does`, (t: TestContext) => {
      t.assert.ok(allowed({ IMAGES_DIR: written }, 'write').includes(`${resolve(root, folder)}/*`))
      t.assert.ok(allowed({ LOG_DIR: written }, 'read').includes(`${resolve(root, folder)}/*`))
    })
  }

  test('allows the default folder of the service if IMAGES_DIR is blank, and no folder for a blank LOG_DIR', (t: TestContext) => {
    for (const blank of ['', ' ', '""']) {
      const writable = allowed({ IMAGES_DIR: blank, LOG_DIR: blank }, 'write').map((path) => path.slice(0, -2))
      const isAllowed = (path: string) => writable.some((folder) => path === folder || path.startsWith(`${folder}/`))
      t.assert.ok(isAllowed(join(root, 'images')))
      t.assert.ok(!isAllowed('/var/log'))
    }
  })

  test('allows writing in STATE_DIR, where the index is then kept under the flags', async (t: TestContext) => {
    const state = join(await outsideFolder(t), 'state')
    t.assert.ok(allowed({ STATE_DIR: state }, 'write').includes(`${state}/*`))
    const images = await outsideFolder(t)
    const variables = { IMAGES_DIR: images, STATE_DIR: state }
    const { url } = await startSimulator(t)
    const service = await startProcess(
      t,
      { AZURE_BASE_URL: url, AZURE_API_KEY: key, ...variables },
      flagsFor(variables),
    )
    t.assert.match((await callTool(service.url, 'generate_image', { prompt: 'a fox' })).text, /Image id: img_/)
    t.assert.ok((await readdir(state)).includes('index.db'), service.log)
  })

  test('lets the service follow files that Kubernetes mounts and replaces through links', async (t: TestContext) => {
    const folder = await outsideFolder(t)
    const mounted = await mountAsKubernetes(folder, 'policy', {
      'policy.json': '{"rules": [{"name": "a", "max_n": 1}]}',
    })
    const keys = await mountAsKubernetes(folder, 'keys', { azure: 'wrong-key', callers: 'ann:key-of-ann-0123456789' })
    const models = await mountAsKubernetes(folder, 'models', {
      'deployments.json': '{"deployments": [{"name": "gpt-image-1"}]}',
    })
    const { url, simulator } = await startSimulator(t)
    const variables = {
      IMAGES_DIR: join(folder, 'images'),
      POLICY_FILE: join(mounted.path, 'policy.json'),
      AZURE_API_KEY_FILE: join(keys.path, 'azure'),
      MCP_API_KEYS_FILE: join(keys.path, 'callers'),
      AZURE_DEPLOYMENTS_FILE: join(models.path, 'deployments.json'),
    }
    const service = await startProcess(t, { AZURE_BASE_URL: url, AZURE_API_KEY: '', ...variables }, flagsFor(variables))
    const generate = (name: string, args: object = {}) =>
      callTool(
        service.url,
        'generate_image',
        { prompt: 'a fox', ...args },
        { 'x-api-key': `key-of-${name}-0123456789` },
      )
    t.assert.match((await generate('ann', { n: 2 })).text, /^Rule a does not allow/)
    t.assert.match((await generate('ann')).text, /rejected the credential/)
    await mounted.replace({ 'policy.json': '{"rules": [{"name": "b", "max_n": 2}]}' })
    await keys.replace({ azure: key, callers: 'ben:key-of-ben-0123456789' })
    await waitFor('the new keys', () => service.log.includes('key file reloaded'))
    await waitFor('the new policy', () => service.log.includes('policy reloaded'))
    await t.assert.rejects(generate('ann'), /Invalid API key/)
    t.assert.match((await generate('ben', { n: 3 })).text, /^Rule b does not allow/)
    const { text, images } = await generate('ben', { n: 2 })
    t.assert.strictEqual(images.length, 2, text)
    t.assert.ok(simulator.requests.length >= 2)
  })

  test('allows a folder of the image that is a link together with its target', async (t: TestContext) => {
    const folder = await outsideFolder(t)
    await mkdir(join(folder, 'disk'))
    await symlink('disk', join(folder, 'images'))
    const writable = allowed({ IMAGES_DIR: join(folder, 'images') }, 'write')
    t.assert.ok(writable.includes(join(folder, 'images/*')) && writable.includes(join(folder, 'disk/*')))
  })

  test('allows reading each file that a variable names, and no more of its folder', (t: TestContext) => {
    const readable = allowed({ AZURE_API_KEY_FILE: '/etc/azure/key', AZURE_MODELS_FILE: '"/etc/m.json"' }, 'read')
    t.assert.ok(readable.includes('/etc/azure/key') && readable.includes('/etc/m.json'))
    t.assert.deepEqual(
      readable.filter((path) => path.startsWith('/etc') && path.includes('*')),
      [],
    )
  })

  // Node takes a folder itself for denied if another allowed path begins with its name.
  for (const [images, logs, file] of [
    ['data', 'logs', 'key'],
    ['data', 'data-logs', 'data.json'],
    ['data', 'data/logs', 'data/key'],
    ['a/images', 'a', 'a/b/c'],
    ['dat', 'data', 'd'],
    ['same', 'same', 'same.key'],
  ] as const) {
    test(`allows IMAGES_DIR=/${images}, LOG_DIR=/${logs} and a file /${file} whether they exist or not`, async (t: TestContext) => {
      const base = await outsideFolder(t)
      const variables = {
        IMAGES_DIR: join(base, images),
        LOG_DIR: join(base, logs),
        AZURE_API_KEY_FILE: join(base, file),
      }
      const reads = [variables.IMAGES_DIR, join(variables.IMAGES_DIR, '.x/y'), variables.LOG_DIR, join(base, file)]
      const writes = reads.slice(0, 3)
      const script = `
        const denied = (kind, paths) => paths.filter((path) => !process.permission.has(kind, path))
        const { reads, writes } = ${JSON.stringify({ reads, writes })}
        console.log(JSON.stringify([denied('fs.read', reads), denied('fs.write', writes), process.permission.has('fs.read', '/etc/passwd')]))`
      for (const exists of [false, true]) {
        if (exists) {
          for (const folder of writes) await mkdir(folder, { recursive: true })
          if (!(await isThere(join(base, file)))) await writeFile(join(base, file), key).catch(() => {})
        }
        const flags = flagsFor(variables)
        const { stdout } = await run(process.execPath, [...flags, '-e', script])
        t.assert.deepEqual(JSON.parse(stdout), [[], [], false], `exists: ${exists}`)
      }
    })
  }

  test('starts with files and folders outside the image, which need not exist, and --check agrees', async (t: TestContext) => {
    const { url } = await startSimulator(t)
    const folder = await outsideFolder(t)
    const images = join(folder, 'not/yet')
    const deployments = join(folder, 'conf/deployments.json')
    await mkdir(join(folder, 'conf'))
    await writeFile(join(folder, 'conf/key'), key)
    await writeFile(join(folder, 'models.json'), '{}')
    await writeFile(deployments, JSON.stringify({ deployments: [{ name: 'FLUX.1-Kontext-pro', key_file: 'key' }] }))
    const variables = {
      AZURE_BASE_URL: url,
      AZURE_DEPLOYMENTS_FILE: deployments,
      IMAGES_DIR: images,
      LOG_DIR: join(folder, 'logs'),
    }
    const flags = flagsFor(variables)
    const environment = { PATH: process.env.PATH, ...minimalEnvironment, ...variables }
    await run(process.execPath, [...flags, bin, '--check'], { cwd: folder, env: environment })
    const service = await startProcess(t, variables, flags)
    const { text } = await callTool(service.url, 'generate_image', { prompt: 'A fox', output_path: 'fox.png' })
    t.assert.match(text, /^Image successfully generated\. Saved to server at: .*not\/yet\/fox\.png/)
    t.assert.equal((await readdir(join(folder, 'logs'))).length, 1)
    t.assert.match(service.log, /"healthcheck":\["CMD","node","bin\/healthcheck\.js"\].*calls python always fails/)
  })

  test('what its flags deny is reported with what they allow, and not as an owner to change', async (t: TestContext) => {
    const folder = await outsideFolder(t)
    const images = join(folder, 'images')
    const flags = flagsFor({ IMAGES_DIR: images })
    const service = await startProcess(t, { IMAGES_DIR: join(folder, 'elsewhere') }, flags)
    t.assert.match(service.log, /permission flags of the image allow writing only .*images/)
    t.assert.doesNotMatch(service.log, /chown/)
    const file = join(folder, 'key')
    await writeFile(file, key)
    const env = { PATH: process.env.PATH, ...minimalEnvironment, AZURE_API_KEY: '', AZURE_API_KEY_FILE: file }
    await t.assert.rejects(
      run(process.execPath, [...flags, bin, '--check'], { cwd: folder, env }),
      /AZURE_API_KEY_FILE: names a file that cannot be read \(.*allow reading only .*\/run\/secrets/,
    )
  })
})
